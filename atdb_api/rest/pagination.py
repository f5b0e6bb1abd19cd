"""One page of a list: filters, ordering, the fields asked for, and the addresses of the pages beside it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import request
from sqlalchemy import Select, Text, cast, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from atdb_api.rest.request_body import Parameter
from atdb_api.rest.resource import Item, Resource, Row
from atdb_api.search import filters
from atdb_api.search.filters import TIME, Columns, Related
from atdb_api.search.keyset import Keyset, Term
from atdb_interface.errors import NotFound

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
DEEPEST_PAGE = 10**9
OWN_PARAMETERS = ("page", "page_size", "ordering", "fields", "cursor")

AS_OF = Parameter("as_of", "Statuses as they were at this moment.", {"type": "string", "pattern": TIME.pattern})

Answer = dict[str, Any]


def page(session: Session, resource: Resource[Row, Item]) -> Answer:
    """Answer this request for a list."""
    at = moment() if resource.existed else None
    columns = resource.columns(at)
    own = (*OWN_PARAMETERS, "as_of") if resource.existed else OWN_PARAMETERS
    parameters = [(name, value) for name, value in request.args.items(multi=True) if name not in own]
    query = resource.visible(resource.query).where(*filters.where(columns, parameters))
    if at and resource.existed:
        query = query.where(resource.existed(at))
    keyset = _keyset(resource, columns)
    size = _whole("page_size", PAGE_SIZE, MAX_PAGE_SIZE)
    number = _whole("page", 1, DEEPEST_PAGE)
    if "cursor" in request.args:
        walked, cursor = _walk(session, query, keyset, size)
        return {
            "count": None,
            "next": _address(cursor=cursor) if cursor else None,
            "previous": None,
            "results": _written(session, resource, walked, at),
        }
    count = session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    if number > 1 and (number - 1) * size >= count:
        raise NotFound(f"page {number} is past the end")
    rows = session.scalars(query.order_by(*keyset.order_by).limit(size).offset((number - 1) * size)).all()
    return {
        "count": count,
        "next": _address(page=str(number + 1)) if number * size < count else None,
        "previous": _address(page=str(number - 1)) if number > 1 else None,
        "results": _written(session, resource, rows, at),
    }


def item(session: Session, resource: Resource[Row, Item], row_id: int | str) -> tuple[Item, Answer]:
    """Answer this request for one item of what can be listed: all of it, and the part that was asked for.

    Raises NotFound where there is, or was at the moment of `?as_of=`, no such item.
    """
    at = moment() if resource.existed else None
    for name in request.args:
        if name not in (("fields", "as_of") if resource.existed else ("fields",)):
            raise filters.unreadable(name, "no such parameter")
    key: Any = resource.columns(None)[resource.key]
    query = resource.query.where(key == row_id)
    if at and resource.existed:
        query = query.where(resource.existed(at))
    row = session.scalar(query)
    if row is None:
        then = " at that moment" if at else ""
        raise NotFound(f"no {resource.model.__name__} has {resource.key} {row_id}{then}")
    written = resource.write(session, [row], at=at)[0]
    return written, written.model_dump(mode="json", include=_fields(resource))


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
    session: Session, resource: Resource[Row, Item], rows: Sequence[Row], at: datetime | None
) -> list[Answer]:
    wanted = _fields(resource)
    costly = resource.costly | {"my_status", "new_status"} if at else resource.costly
    needs_more = wanted is None or not wanted.isdisjoint(costly)
    written = resource.write(session, rows, at=at, costly=needs_more)
    return [each.model_dump(mode="json", include=wanted) for each in written]


def _fields(resource: Resource[Row, Item]) -> set[str] | None:
    text = request.args.get("fields")
    if text is None:
        return None
    names = set(text.split(","))
    if unknown := names - resource.model.model_fields.keys():
        raise filters.unreadable("fields", f"no field {min(unknown)[:100]!r}")
    return names


def _whole(name: str, default: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(most)) or not 1 <= int(text) <= most:
        raise filters.unreadable(name, f"not a whole number from 1 to {most}")
    return int(text)


def _keyset(resource: Resource[Any, Any], columns: Columns) -> Keyset:
    names = request.args.get("ordering", resource.ordering or resource.key).split(",")
    if resource.key not in {name.removeprefix("-") for name in names}:
        names.append(resource.key)  # pages must not overlap where the order leaves ties
    return Keyset(tuple(_term(name, columns) for name in names), name=",".join(names))


def _term(text: str, columns: Columns) -> Term:
    name = text.removeprefix("-")
    column = columns.get(name)
    if column is None or isinstance(column, Related):
        raise filters.unreadable("ordering", f"no field {name[:100]!r} to order by")
    sortable = cast(column, Text) if isinstance(column.type, JSONB) else column
    return Term(sortable, text.startswith("-"))


def _walk(session: Session, query: Select[Row], keyset: Keyset, size: int) -> tuple[list[Row], str | None]:
    """Find what comes after the cursor, as fast at the end of a long walk as at its beginning, and the next one.

    What is there all the time, and keeps its place in the order, is met once.
    """
    if request.args["cursor"]:
        try:
            query = query.where(keyset.after(keyset.read(request.args["cursor"])))
        except ValueError:
            raise filters.unreadable("cursor", "is none that ATDB gave for this ordering") from None
    rows = session.execute(
        query.add_columns(*(term.column.label(f"_{n}") for n, term in enumerate(keyset.terms)))
        .order_by(*keyset.order_by)
        .limit(size + 1)
    ).all()
    following = keyset.write(rows[size - 1][1:]) if len(rows) > size else None
    return [row[0] for row in rows[:size]], following


def _address(**changed: str) -> str:
    return f"{request.base_url}?{urlencode({**request.args.to_dict(flat=False), **changed}, doseq=True)}"
