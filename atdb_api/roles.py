"""What an account may do: each role may do all that those before it may."""

from enum import IntEnum


class Role(IntEnum):
    """viewer: read; service: write and move; operator: delete; admin: all."""

    VIEWER = 1
    SERVICE = 2
    OPERATOR = 3
    ADMIN = 4
