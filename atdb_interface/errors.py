"""All that ATDB refuses or cannot do: raised by the server, sent as RFC 9457, raised again by the client.

AtdbError
├── BadRequest              400  a value cannot be read; `errors` names each
├── Unauthorized            401  no account, or a wrong secret
├── Forbidden               403  the account's role does not allow it
├── NotFound                404
├── Conflict                409
│   ├── Duplicate                the same mode, field and start is there already
│   ├── ForbiddenMove            the lifecycle has no such step from the present status
│   ├── NotOwner                 the work belongs to another owner
│   ├── NotYet                   the stage is paused, or the observation has yet to rest before it
│   └── SetChanged               what a bulk request matches is no longer what its preview showed
├── PreconditionFailed      412  the item is no longer what If-Match names
├── KeyReused               422  the Idempotency-Key came with another request before
├── TooManyAttempts         429  too many failed logins; `retry_after` seconds until the next is looked at
├── Unexpected              500  or any answer that is none of these
└── Unavailable             503  ATDB, its database or the way to it is down; asking again later may help
"""

from typing import Any, ClassVar

TYPE_PREFIX = "urn:atdb:error:"


class AtdbError(Exception):
    """Base of all; `detail` is one sentence for people, `extra` what programs want to know."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Error"

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.extra = extra

    @classmethod
    def type_uri(cls) -> str:
        """Name this kind of error on the wire."""
        return TYPE_PREFIX + cls.__name__

    def problem(self) -> dict[str, Any]:
        """Give the `application/problem+json` members of RFC 9457."""
        return {
            "type": self.type_uri(),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extra,
        }


class BadRequest(AtdbError):
    """A value cannot be read. `errors`: a list of {"field", "message"}."""

    status = 400
    title = "Bad request"


class Unauthorized(AtdbError):
    """No account was given, or its secret is wrong."""

    status = 401
    title = "Log in first"


class Forbidden(AtdbError):
    """The account's role does not allow this."""

    status = 403
    title = "Not allowed"


class NotFound(AtdbError):
    """There is no such thing."""

    status = 404
    title = "Not found"


class Conflict(AtdbError):
    """The present state stands in the way."""

    status = 409
    title = "Conflict"


class Duplicate(Conflict):
    """The same mode, field and start is there already. `taskID`: the observation that has it."""

    title = "Duplicate"


class ForbiddenMove(Conflict):
    """The lifecycle has no such step. `my_status`: the status now; `allowed`: what may follow it."""

    title = "Move refused"


class NotOwner(Conflict):
    """The work belongs to another owner. `my_status`, `owner`, `expires_at`."""

    title = "Not the owner"


class NotYet(Conflict):
    """A stage may not begin now. `stage`; `paused_by`, or `until` when the observation rests before it."""

    title = "Not yet"


class SetChanged(Conflict):
    """What a bulk request matches is no longer what its preview showed. Preview it again."""

    title = "The matching set has changed"


class PreconditionFailed(AtdbError):
    """The item has changed since the client read it: its ETag is not what If-Match names."""

    status = 412
    title = "Changed meanwhile"


class KeyReused(AtdbError):
    """The Idempotency-Key came with another request before."""

    status = 422
    title = "Idempotency-Key used before"


class TooManyAttempts(AtdbError):
    """Too many logins failed. `retry_after`: seconds until the next one is looked at."""

    status = 429
    title = "Too many failed logins"


class Unexpected(AtdbError):
    """ATDB failed inside, or something that is not ATDB answered."""

    status = 500
    title = "Unexpected answer"


class Unavailable(AtdbError):
    """ATDB or its database cannot be reached now."""

    status = 503
    title = "Unavailable"


_KINDS: tuple[type[AtdbError], ...] = (
    BadRequest, Unauthorized, Forbidden, NotFound, Conflict, Duplicate, ForbiddenMove, NotOwner, NotYet,
    SetChanged, PreconditionFailed, KeyReused, TooManyAttempts, Unexpected, Unavailable,
)  # fmt: skip
_BY_TYPE = {kind.type_uri(): kind for kind in _KINDS}
_BY_STATUS = {kind.status: kind for kind in reversed(_KINDS) if kind.__base__ is AtdbError}


def from_problem(http_status: int, problem: dict[str, Any]) -> AtdbError:
    """Make the error that the server raised out of what it sent."""
    kind = _BY_TYPE.get(str(problem.get("type"))) or _BY_STATUS.get(http_status, Unexpected)
    if http_status in (502, 504):
        kind = Unavailable
    extra = {k: v for k, v in problem.items() if k not in ("type", "title", "status", "detail")}
    return kind(str(problem.get("detail") or f"HTTP status {http_status}"), **extra)
