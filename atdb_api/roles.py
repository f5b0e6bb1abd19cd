"""The roles of accounts, which are a part of the interface."""

from atdb_interface.roles import Role, role_named

__all__ = ["Role", "role_named"]
