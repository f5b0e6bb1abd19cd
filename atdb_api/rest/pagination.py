"""One page of a list: filters, ordering, the fields asked for, and the addresses of the pages beside it."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import request
from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, Text, and_, cast, false, func, literal, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from atdb_api.rest.request_body import Parameter
from atdb_api.search import filters
from atdb_api.search.filters import TIME, Column, Columns, Related
from atdb_interface.errors import NotFound

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
DEEPEST_PAGE = 10**9
OWN_PARAMETERS = ("page", "page_size", "ordering", "fields", "cursor")

AS_OF = Parameter("as_of", "Statuses as they were at this moment.", {"type": "string", "pattern": TIME.pattern})

Row = TypeVar("Row")
Item = TypeVar("Item", bound=BaseModel)
Answer = dict[str, Any]


@dataclass(frozen=True)
class Listing(Generic[Row, Item]):
    """What can be listed. `columns` and `write` are given the moment of `?as_of=`, where that makes sense.

    `costly`: the fields for which `write` must ask the database again.
    """

    model: type[Item]
    query: Select[Row]
    columns: Callable[[datetime | None], Columns]
    write: Callable[..., Sequence[Item]]
    key: str = "id"
    ordering: str | None = None
    """By what it is ordered unless a request says it; None: by its key."""
    costly: frozenset[str] = frozenset()
    existed: Callable[[datetime], ColumnElement[bool]] | None = None
    """Finds what was there at a moment; where there is none, `?as_of=` means nothing."""


def page(session: Session, listing: Listing[Row, Item], query: Select[Row] | None = None) -> Answer:
    """Answer this request for a list."""
    at = moment() if listing.existed else None
    columns = listing.columns(at)
    own = (*OWN_PARAMETERS, "as_of") if listing.existed else OWN_PARAMETERS
    parameters = [(name, value) for name, value in request.args.items(multi=True) if name not in own]
    query = (listing.query if query is None else query).where(*filters.where(columns, parameters))
    if at and listing.existed:
        query = query.where(listing.existed(at))
    terms = _ordering(listing, columns)
    size = _whole("page_size", PAGE_SIZE, MAX_PAGE_SIZE)
    number = _whole("page", 1, DEEPEST_PAGE)
    if "cursor" in request.args:
        walked, cursor = _walk(session, query, terms, size)
        return {
            "count": None,
            "next": _address(cursor=cursor) if cursor else None,
            "previous": None,
            "results": _written(session, listing, walked, at),
        }
    count = session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    if number > 1 and (number - 1) * size >= count:
        raise NotFound(f"page {number} is past the end")
    rows = session.scalars(
        query.order_by(*(term.order() for term in terms)).limit(size).offset((number - 1) * size)
    ).all()
    return {
        "count": count,
        "next": _address(page=str(number + 1)) if number * size < count else None,
        "previous": _address(page=str(number - 1)) if number > 1 else None,
        "results": _written(session, listing, rows, at),
    }


def item(session: Session, listing: Listing[Row, Item], row_id: int | str) -> tuple[Item, Answer]:
    """Answer this request for one item of what can be listed: all of it, and the part that was asked for.

    Raises NotFound where there is, or was at the moment of `?as_of=`, no such item.
    """
    at = moment() if listing.existed else None
    for name in request.args:
        if name not in (("fields", "as_of") if listing.existed else ("fields",)):
            raise filters.unreadable(name, "no such parameter")
    key: Any = listing.columns(None)[listing.key]
    query = listing.query.where(key == row_id)
    if at and listing.existed:
        query = query.where(listing.existed(at))
    row = session.scalar(query)
    if row is None:
        then = " at that moment" if at else ""
        raise NotFound(f"no {listing.model.__name__} has {listing.key} {row_id}{then}")
    whole = listing.write(session, [row], at=at)[0]
    return whole, whole.model_dump(mode="json", include=_fields(listing))


def moment() -> datetime | None:
    """Read `?as_of=`; BadRequest where it is no time of the past."""
    text = request.args.get("as_of")
    if text is None:
        return None
    try:
        at: datetime = filters.read(TIME, text)
    except ValueError:
        raise filters.unreadable("as_of", TIME.otherwise) from None
    if at > datetime.now(UTC):
        raise filters.unreadable("as_of", "lies in the future")
    return at


def _written(
    session: Session, listing: Listing[Row, Item], rows: Sequence[Row], at: datetime | None
) -> list[Answer]:
    wanted = _fields(listing)
    costly = listing.costly | {"my_status", "new_status"} if at else listing.costly
    needs_more = wanted is None or not wanted.isdisjoint(costly)
    written = listing.write(session, rows, at=at, histories=needs_more)
    return [each.model_dump(mode="json", include=wanted) for each in written]


def _fields(listing: Listing[Row, Item]) -> set[str] | None:
    text = request.args.get("fields")
    if text is None:
        return None
    names = set(text.split(","))
    if unknown := names - listing.model.model_fields.keys():
        raise filters.unreadable("fields", f"no field {min(unknown)[:100]!r}")
    return names


def _whole(name: str, default: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(most)) or not 1 <= int(text) <= most:
        raise filters.unreadable(name, f"not a whole number from 1 to {most}")
    return int(text)


@dataclass(frozen=True)
class _Term:
    """One term of the ordering. Where there is no value, it stands last going up and first going down."""

    name: str
    column: Column
    descending: bool

    def order(self) -> Column:
        return self.column.desc() if self.descending else self.column.asc()

    def beyond(self, value: Any) -> ColumnElement[bool]:
        """Find what comes after this value."""
        if value is None:
            return self.column.is_not(None) if self.descending else false()
        bound = literal(value, self.column.type)
        return self.column < bound if self.descending else or_(self.column > bound, self.column.is_(None))

    def same(self, value: Any) -> ColumnElement[bool]:
        return self.column.is_(None) if value is None else self.column == value


def _ordering(listing: Listing[Any, Any], columns: Columns) -> list[_Term]:
    names = request.args.get("ordering", listing.ordering or listing.key).split(",")
    if listing.key not in {name.removeprefix("-") for name in names}:
        names.append(listing.key)  # pages must not overlap where the order leaves ties
    return [_term(name, columns) for name in names]


def _term(text: str, columns: Columns) -> _Term:
    name = text.removeprefix("-")
    column = columns.get(name)
    if column is None or isinstance(column, Related):
        raise filters.unreadable("ordering", f"no field {name[:100]!r} to order by")
    sortable = cast(column, Text) if isinstance(column.type, JSONB) else column
    return _Term(name, sortable, text.startswith("-"))


def _walk(session: Session, query: Select[Row], terms: Sequence[_Term], size: int) -> tuple[list[Row], str | None]:
    """Find what comes after the cursor, as fast at the end of a long walk as at its beginning, and the next one.

    What is there all the time, and keeps its place in the order, is met once.
    """
    if request.args["cursor"]:
        query = query.where(_after(terms, _read_cursor(request.args["cursor"], terms)))
    found = session.execute(
        query.add_columns(*(term.column.label(f"_{n}") for n, term in enumerate(terms)))
        .order_by(*(term.order() for term in terms))
        .limit(size + 1)
    ).all()
    following = _write_cursor(terms, found[size - 1][1:]) if len(found) > size else None
    return [row[0] for row in found[:size]], following


def _after(terms: Sequence[_Term], values: Sequence[Any]) -> ColumnElement[bool]:
    same: list[ColumnElement[bool]] = []
    ways: list[ColumnElement[bool]] = []
    for term, value in zip(terms, values, strict=True):
        ways.append(and_(*same, term.beyond(value)))
        same.append(term.same(value))
    return or_(*ways)


def _write_cursor(terms: Sequence[_Term], values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, date) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps([_written_order(terms), *plain]).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, terms: Sequence[_Term]) -> list[Any]:
    try:
        order, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if order != _written_order(terms) or len(values) != len(terms):
            raise ValueError("another ordering")
        return [_read_value(term.column, value) for term, value in zip(terms, values, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise filters.unreadable("cursor", "is none that ATDB gave for this ordering") from None


def _read_value(column: Column, value: Any) -> Any:
    kind = column.type.python_type
    if value is None:
        return None
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is date:
        return date.fromisoformat(value)
    if kind is float and isinstance(value, int):
        return float(value)
    if type(value) is not kind or "\0" in str(value):
        raise ValueError("no value of this column")
    return value


def _written_order(terms: Sequence[_Term]) -> str:
    return ",".join(f"{'-' if term.descending else ''}{term.name}" for term in terms)


def _address(**changed: str) -> str:
    return f"{request.base_url}?{urlencode({**request.args.to_dict(flat=False), **changed}, doseq=True)}"
