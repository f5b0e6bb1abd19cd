"""The errors of ATDB: the server raises them and sends them as RFC 9457; the client raises the same class.

AtdbError
├── BadRequest              400  a value cannot be read; `errors` names each
├── Unauthorized            401  the request has no account, or a wrong secret
├── Forbidden               403  the account's role does not allow the request
├── NotFound                404
├── Conflict                409
│   ├── Duplicate                the item exists already
│   ├── ForbiddenMove            the lifecycle does not allow this step from the present status
│   ├── NotOwner                 the work belongs to another owner
│   ├── NotYet                   the stage is paused, or its delay has not ended for this observation
│   └── SetChanged               a bulk request matches other items than its preview showed
├── PreconditionFailed      412  the item has changed since the client read it (If-Match)
├── KeyReused               422  the Idempotency-Key belongs to another request
├── TooManyAttempts         429  too many failed logins; try again after `retry_after` seconds
├── Unexpected              500  an internal error, or an answer that is none of these
└── Unavailable             503  ATDB, its database or the network is down; retry later
"""

from typing import Any, ClassVar

TYPE_PREFIX = "urn:atdb:error:"


class AtdbError(Exception):
    """Base of all errors. `detail`: a message for people. `extra`: further members for programs."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Error"

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.extra = extra

    @classmethod
    def type_uri(cls) -> str:
        """Return the `type` of this class of errors on the wire."""
        return TYPE_PREFIX + cls.__name__

    def problem(self) -> dict[str, Any]:
        """Return the `application/problem+json` members of RFC 9457."""
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
    """The request has no account, or its secret is wrong."""

    status = 401
    title = "Log in first"


class Forbidden(AtdbError):
    """The account's role does not allow this request."""

    status = 403
    title = "Not allowed"


class NotFound(AtdbError):
    """The item or URL does not exist."""

    status = 404
    title = "Not found"


class Conflict(AtdbError):
    """The present state of the item does not allow this request."""

    status = 409
    title = "Conflict"


class Duplicate(Conflict):
    """An observation with the same mode, field and start, or the data product, exists. `taskID`: its taskID."""

    title = "Already exists"


class ForbiddenMove(Conflict):
    """The lifecycle does not allow this step. `my_status`: the present status; `allowed`: the next ones."""

    title = "Move refused"


class NotOwner(Conflict):
    """The work belongs to another owner: `owner`, until `expires_at`. `my_status`: the present status."""

    title = "Not the owner"


class NotYet(Conflict):
    """A stage cannot begin now. `stage`; `paused_by` if it is paused, `until` if its delay has not ended."""

    title = "The stage cannot begin yet"


class SetChanged(Conflict):
    """A bulk request matches other items than its preview showed. Request a new preview."""

    title = "The matching set has changed"


class PreconditionFailed(AtdbError):
    """The item has changed since the client read it: its ETag differs from If-Match."""

    status = 412
    title = "Changed since you read it"


class KeyReused(AtdbError):
    """The Idempotency-Key belongs to an earlier, different request."""

    status = 422
    title = "Idempotency-Key already used"


class TooManyAttempts(AtdbError):
    """Too many logins failed. `retry_after`: seconds until ATDB accepts the next attempt."""

    status = 429
    title = "Too many failed logins"


class Unexpected(AtdbError):
    """ATDB has an internal error, or a server that is not ATDB answered."""

    status = 500
    title = "Unexpected answer"


class Unavailable(AtdbError):
    """ATDB or its database cannot be reached at present."""

    status = 503
    title = "Unavailable"


_KINDS: tuple[type[AtdbError], ...] = (
    BadRequest, Unauthorized, Forbidden, NotFound, Conflict, Duplicate, ForbiddenMove, NotOwner, NotYet,
    SetChanged, PreconditionFailed, KeyReused, TooManyAttempts, Unexpected, Unavailable,
)  # fmt: skip
_BY_TYPE = {kind.type_uri(): kind for kind in _KINDS}
_BY_STATUS = {kind.status: kind for kind in reversed(_KINDS) if kind.__base__ is AtdbError}


def from_problem(http_status: int, problem: dict[str, Any]) -> AtdbError:
    """Create the error that the server raised from its answer."""
    kind = _BY_TYPE.get(str(problem.get("type"))) or _BY_STATUS.get(http_status, Unexpected)
    if http_status in (502, 504):
        kind = Unavailable
    extra = {k: v for k, v in problem.items() if k not in ("type", "title", "status", "detail")}
    detail = problem.get("detail") or f"ATDB answered with HTTP status {http_status} and gave no reason"
    return kind(str(detail), **extra)
