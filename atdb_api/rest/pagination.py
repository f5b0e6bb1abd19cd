"""One page of a list: filters, ordering, the fields asked for, and the URLs of the next and previous pages."""

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

AS_OF = Parameter(
    "as_of", "Return statuses as they were at this time.", {"type": "string", "pattern": TIME.pattern}
)

Answer = dict[str, Any]


def page(session: Session, resource: Resource[Row, Item]) -> Answer:
    """Return the page of a list that this request asks for."""
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
            "results": _page_items(session, resource, walked, at),
        }
    count = session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    if number > 1 and (number - 1) * size >= count:
        raise NotFound(f"There is no page {number}: the list has {count} items.")
    rows = session.scalars(query.order_by(*keyset.order_by).limit(size).offset((number - 1) * size)).all()
    return {
        "count": count,
        "next": _address(page=str(number + 1)) if number * size < count else None,
        "previous": _address(page=str(number - 1)) if number > 1 else None,
        "results": _page_items(session, resource, rows, at),
    }


def item(session: Session, resource: Resource[Row, Item], row_id: int | str) -> tuple[Item, Answer]:
    """Return an item twice: as a whole, and with only the fields that this request asks for.

    Raises NotFound if it does not exist, or did not exist at the time of `?as_of=`.
    """
    at = moment() if resource.existed else None
    for name in request.args:
        if name not in (("fields", "as_of") if resource.existed else ("fields",)):
            raise filters.unreadable(name, filters.UNKNOWN_PARAMETER)
    key: Any = resource.columns(None)[resource.key]
    query = resource.query.where(key == row_id)
    if at and resource.existed:
        query = query.where(resource.existed(at))
    row = session.scalar(query)
    if row is None:
        verb, then = ("was", " at that time") if at else ("is", "")
        raise NotFound(f"There {verb} no item with {resource.key} {row_id} in {resource.name}{then}.")
    written = resource.write(session, [row], at=at)[0]
    return written, written.model_dump(mode="json", include=_fields(resource))


def moment() -> datetime | None:
    """Return the time of `?as_of=`. Raises BadRequest if it is not a time in the past."""
    text = request.args.get("as_of")
    if text is None:
        return None
    try:
        at: datetime = filters.read(TIME, text)
    except ValueError:
        raise filters.unreadable("as_of", TIME.otherwise) from None
    if at > datetime.now(UTC):
        raise filters.unreadable("as_of", "is in the future")
    return at


def _page_items(
    session: Session, resource: Resource[Row, Item], rows: Sequence[Row], at: datetime | None
) -> list[Answer]:
    wanted = _fields(resource)
    costly = resource.costly | {"my_status", "new_status"} if at else resource.costly
    needs_more = wanted is None or not wanted.isdisjoint(costly)
    written = resource.write(session, rows, at=at, costly=needs_more)
    return [each.model_dump(mode="json", include=wanted) for each in written]


def listed(name: str) -> list[str]:
    """Return the names in a parameter that takes a list; empty if the request does not have the parameter."""
    texts = request.args.getlist(name)
    return ",".join(texts).split(",") if texts else []


def _fields(resource: Resource[Row, Item]) -> set[str] | None:
    names = set(listed("fields"))
    if not names:
        return None
    if unknown := names - resource.model.model_fields.keys():
        raise filters.unreadable("fields", f"unknown field {min(unknown)[:100]!r}")
    return names


def _whole(name: str, default: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(most)) or not 1 <= int(text) <= most:
        raise filters.unreadable(name, f"must be a whole number from 1 to {most}")
    return int(text)


def _keyset(resource: Resource[Any, Any], columns: Columns) -> Keyset:
    names = listed("ordering") or (resource.ordering or resource.key).split(",")
    if resource.key not in {name.removeprefix("-") for name in names}:
        names.append(resource.key)  # without ties, so that pages do not overlap
    return Keyset(tuple(_term(name, columns) for name in names), name=",".join(names))


def _term(text: str, columns: Columns) -> Term:
    name = text.removeprefix("-")
    column = columns.get(name)
    if column is None or isinstance(column, Related):
        raise filters.unreadable("ordering", f"cannot order by {name[:100]!r}")
    sortable = cast(column, Text) if isinstance(column.type, JSONB) else column
    return Term(sortable, text.startswith("-"))


def _walk(session: Session, query: Select[Row], keyset: Keyset, size: int) -> tuple[list[Row], str | None]:
    """Return the rows after the cursor, and the next cursor.

    The last pages of a long list are as fast as the first. If rows come or go meanwhile, all others are still
    returned once.
    """
    if request.args["cursor"]:
        try:
            query = query.where(keyset.after(keyset.read(request.args["cursor"])))
        except ValueError:
            raise filters.unreadable(
                "cursor", "is not a cursor of this ordering. Send it empty to begin again."
            ) from None
    rows = session.execute(
        query.add_columns(*(term.column.label(f"_{n}") for n, term in enumerate(keyset.terms)))
        .order_by(*keyset.order_by)
        .limit(size + 1)
    ).all()
    following = keyset.write(rows[size - 1][1:]) if len(rows) > size else None
    return [row[0] for row in rows[:size]], following


def _address(**changed: str) -> str:
    return f"{request.base_url}?{urlencode({**request.args.to_dict(flat=False), **changed}, doseq=True)}"
