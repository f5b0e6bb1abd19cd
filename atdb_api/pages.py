"""One page of a list: filters, ordering and the addresses of the pages beside it."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import request
from pydantic import BaseModel
from sqlalchemy import Select, func
from sqlalchemy.orm import Session

from atdb_api import filters
from atdb_api.wire import Columns
from atdb_interface.errors import BadRequest, NotFound

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
_OWN_PARAMETERS = ("page", "page_size", "ordering")

Row = TypeVar("Row")
Model = TypeVar("Model", bound=BaseModel)


def page(
    session: Session,
    query: Select[Row],
    columns: Columns,
    write: Callable[[Session, Sequence[Row]], Sequence[BaseModel]],
    *,
    default_ordering: str,
) -> dict[str, Any]:
    """Answer this request for a list."""
    parameters = list(request.args.items(multi=True))
    query = query.where(*filters.where(columns, [p for p in parameters if p[0] not in _OWN_PARAMETERS]))
    number, size = _whole("page", 1, None), _whole("page_size", PAGE_SIZE, MAX_PAGE_SIZE)
    count = session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    if number > 1 and (number - 1) * size >= count:
        raise NotFound(f"page {number} is past the end")
    rows = session.scalars(
        query.order_by(*_ordering(columns, default_ordering)).limit(size).offset((number - 1) * size)
    ).all()
    return {
        "count": count,
        "next": _address(number + 1) if number * size < count else None,
        "previous": _address(number - 1) if number > 1 else None,
        "results": [item.model_dump(mode="json") for item in write(session, rows)],
    }


def _whole(name: str, default: int, most: int | None) -> int:
    text = request.args.get(name, str(default))
    if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= (most or 10**9):
        limit = f" up to {most}" if most else ""
        raise BadRequest(f"{name}: not a whole number from 1{limit}", errors=[{"field": name}])
    return int(text)


def _ordering(columns: Columns, default: str) -> list[Any]:
    terms = []
    for term in request.args.get("ordering", default).split(","):
        name = term.removeprefix("-")
        if name not in columns:
            raise BadRequest(f"ordering: no field {name!r}", errors=[{"field": "ordering"}])
        terms.append(columns[name].desc() if term.startswith("-") else columns[name].asc())
    if "id" in columns:
        terms.append(columns["id"].asc())  # pages must not overlap where the order leaves ties
    return terms


def _address(number: int) -> str:
    rest = [(name, value) for name, value in request.args.items(multi=True) if name != "page"]
    return f"{request.base_url}?{urlencode([*rest, ('page', number)])}"
