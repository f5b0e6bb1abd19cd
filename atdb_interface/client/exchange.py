"""The format of requests to ATDB and of its answers, for both clients."""

import ssl
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from atdb_interface import query_lists
from atdb_interface.errors import BadRequest, Unavailable, Unexpected, from_problem

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)


def login(user: str | None, secret: str | None, token: str | None) -> httpx.Auth | None:
    """Return how to log in: by HTTP Basic, with a token, or not at all."""
    if user and token:
        raise ValueError("give a token, or user and secret, not both")
    if token:
        return _Bearer(token)
    return httpx.BasicAuth(user, secret or "") if user else None


@cache
def certificates() -> ssl.SSLContext:
    """Return the trusted certificate authorities: those of the file in SSL_CERT_FILE, else the default ones.

    They are read once, because this takes longer than a request.
    """
    return httpx.create_ssl_context(trust_env=True)


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["Authorization"] = self._header
        yield request


def once() -> dict[str, str]:
    """Create the header by which ATDB recognises a repeated request, so that it does the work only once."""
    return {"Idempotency-Key": str(uuid4())}


def only_if(etag: str | None) -> dict[str, str]:
    """Create the header by which ATDB refuses a request if the item no longer has this ETag."""
    return {"If-Match": etag} if etag else {}


def parameters(filters: Mapping[str, Any]) -> dict[str, str]:
    """Format filters as query parameters; several values become a list.

    Text is not changed: for a filter that takes a list, it must have the format of a list. Raises ValueError for
    several values of a filter that takes one.
    """
    return {name: _query_value(name, value) for name, value in filters.items()}


def _query_value(name: str, value: Any) -> str:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    if not query_lists.takes_list(name):
        raise ValueError(f"{name} takes one value. For several, use {name.partition('__')[0]}__in")
    return query_lists.write(value)


def day(given: date | str) -> date:
    """Read a day that becomes part of a URL. Raises BadRequest."""
    try:
        return date.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        raise BadRequest(f"{given!r} is not a day such as 2019-04-05") from None


def whole_items(filters: Mapping[str, Any]) -> dict[str, str]:
    """Format the filters of a list whose items are read as models, which require all their fields."""
    if "fields" in filters:
        raise ValueError("fields= is not possible here; use rows(...), which returns plain dicts")
    return parameters(filters)


def plain(content: BaseModel | Mapping[str, Any]) -> Any:
    """Return content as JSON data. A model gives only the fields that were set."""
    if isinstance(content, BaseModel):
        return content.model_dump(mode="json", exclude_unset=True)
    return to_jsonable_python(dict(content))


def checked(answer: httpx.Response) -> httpx.Response:
    """Return the answer if it is a success, or raise the error that it contains."""
    if answer.is_success:
        return answer
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    error = from_problem(answer.status_code, problem if isinstance(problem, dict) else {})
    if isinstance(error, Unavailable):
        error.extra["retry_after"] = _retry_after_seconds(answer.headers.get("Retry-After", ""))
    raise error


def _retry_after_seconds(text: str) -> float:
    """Return the seconds of a header that holds seconds or a time; 0 if it cannot be read."""
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def read(kind: type[T], answer: httpx.Response) -> T:
    """Read an answer as a value of type `kind`. Raises Unexpected."""
    try:
        return TypeAdapter(kind).validate_json(answer.content)
    except ValidationError:
        raise Unexpected(f"the answer of {answer.url} is not a valid {kind.__name__}") from None


def read_row(model: type[Model], row: dict[str, Any]) -> Model:
    """Read one item of a list. Raises Unexpected."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        raise Unexpected(f"an item in a list of ATDB is not a valid {model.__name__}: {error}") from None


class Rows(BaseModel):
    """One page of a walk, with its items as plain dicts."""

    count: int | None
    next: str | None
    results: list[dict[str, Any]]

    def next_cursor(self) -> str | None:
        """Return the cursor of the next page, or None after the last one.

        Only the cursor is taken from the URL of the next page, because a proxy can change the host name.
        """
        return httpx.URL(self.next).params["cursor"] if self.next else None
