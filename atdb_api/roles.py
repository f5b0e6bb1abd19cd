"""What an account may do: each role may do all that those before it may."""

from enum import IntEnum


class Role(IntEnum):
    """viewer: read; service: write and move; operator: delete, force and bulk; admin: all accounts' tokens."""

    VIEWER = 1
    SERVICE = 2
    OPERATOR = 3
    ADMIN = 4

    @property
    def label(self) -> str:
        """Name it as the wire and the commands do."""
        return self.name.lower()


def role_named(label: str) -> Role:
    """Find a role by its label; KeyError where there is none."""
    return Role[label.upper()]
