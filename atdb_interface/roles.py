"""The roles of accounts. Each role may also do everything that the roles before it may."""

from enum import IntEnum


class Role(IntEnum):
    """viewer: read; service: write and move; operator: delete, force and bulk; admin: all accounts' tokens."""

    VIEWER = 1
    SERVICE = 2
    OPERATOR = 3
    ADMIN = 4

    @property
    def label(self) -> str:
        """Return its name in the API and the commands."""
        return self.name.lower()


def role_named(label: str) -> Role:
    """Return the role with this label. Raises KeyError."""
    return Role[label.upper()]
