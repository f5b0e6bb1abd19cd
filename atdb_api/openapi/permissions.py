"""Which role may call which endpoint: a table for docs/permissions.md, generated from the views' contracts."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from atdb_api.rest.endpoint import Contract, contracts
from atdb_interface.roles import Role


class Scheme(StrEnum):
    """How a client logs in."""

    COOKIE = "cookie"
    BASIC = "Basic"
    BEARER = "Bearer"
    NONE = "none"


def is_allowed(contract: Contract, role: Role | None, scheme: Scheme) -> bool:
    """Return whether an account may call an endpoint; without a role: a client that does not log in."""
    if contract.needs is None:
        return True
    if role is None or scheme is Scheme.NONE or (scheme is Scheme.BEARER and not contract.by_token):
        return False
    return role.may(contract.needs)


def markdown() -> str:
    """Return the table in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "| endpoint | capability | anonymous | " + " | ".join(Role) + " |"
    yield "|---" * (3 + len(Role)) + "|"
    for (path, method), contract in contracts().items():
        anonymous = _cell([Scheme.NONE] if is_allowed(contract, None, Scheme.NONE) else [], 1)
        cells = []
        for role in Role:
            schemes = [s for s in Scheme if s is not Scheme.NONE and is_allowed(contract, role, s)]
            cells.append(_cell(schemes, 3))
        needs = contract.needs.label if contract.needs else "none"
        yield f"| `{method} {path}` | {needs} | {anonymous} | " + " | ".join(cells) + " |"


def _cell(allowed: Sequence[Scheme], of: int) -> str:
    return "yes" if len(allowed) == of else ", ".join(allowed) or "no"
