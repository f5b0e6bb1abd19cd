"""The parameters in the OpenAPI document: in paths, in headers, and in the URLs of lists with all lookups."""

import re
from collections.abc import Iterator
from typing import Any

from atdb_api.rest import idempotency, pagination
from atdb_api.rest.endpoint import Contract
from atdb_api.rest.pagination import MAX_PAGE_SIZE, PAGE_SIZE
from atdb_api.rest.resource import Resource
from atdb_api.search.filters import (
    BOOLEAN,
    COMPARISONS,
    MOST_PARAMETERS,
    TEXT,
    TEXT_MATCHES,
    ColumnKind,
    Columns,
    Related,
    column_kind,
    several,
    two,
)
from atdb_interface.lifecycle import Status

Json = dict[str, Any]


def of(rule: str, method: str, contract: Contract) -> Iterator[Json]:
    """Describe the parameters of an endpoint in its URL and headers."""
    for kind, name in re.findall(r"<(?:(int):)?(\w+)>", rule):
        schema: Json = {"type": "integer", "minimum": 1} if kind else {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    for parameter in contract.parameters:
        yield _in_query(parameter.name, parameter.description, parameter.schema, required=parameter.required)
    if contract.lists:
        yield from _list_parameters(contract.lists)
    resource = contract.lists or contract.shows
    if resource:
        names = "|".join(resource.model.model_fields)
        schema = {"type": "string", "pattern": f"^({names})(,({names}))*$"}
        yield _in_query("fields", "Return only these fields, separated by commas.", schema)
        if resource.existed:
            yield _in_query(pagination.AS_OF.name, pagination.AS_OF.description, pagination.AS_OF.schema)
    columns = contract.lists.columns(None) if contract.lists else contract.filters
    if columns:
        yield _filters(columns)
    if contract.has_etag:
        name = "If-None-Match" if method == "GET" else "If-Match"
        yield {
            "name": name,
            "in": "header",
            "description": "The ETag of the client's copy. If the item has not changed, the answer is 304."
            if method == "GET"
            else "The ETag of the client's copy. If the item has changed, the answer is 412.",
            "schema": {"type": "string"},
        }
    if method == "POST" and contract.needs and not contract.answers_secret:
        yield {
            "name": idempotency.HEADER,
            "in": "header",
            "description": "If a request with this key was done before, ATDB only returns the first answer.",
            "schema": {"type": "string", "pattern": idempotency.KEY_PATTERN},
        }


def _list_parameters(resource: Resource[Any, Any]) -> Iterator[Json]:
    sortable = [name for name, column in resource.columns(None).items() if not isinstance(column, Related)]
    one = f"-?({'|'.join(sortable)})"
    numbers: Json = {"type": "integer", "minimum": 1, "maximum": pagination.DEEPEST_PAGE}
    yield _in_query("page", "Number of the page.", numbers | {"default": 1})
    yield _in_query("page_size", "Items per page.", numbers | {"maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE})
    yield _in_query(
        "ordering",
        "Fields to order by, separated by commas. A minus before a field reverses its order.",
        {"type": "string", "pattern": f"^{one}(,{one})*$"},
    )
    yield _in_query(
        "cursor",
        "To read a long list, send it empty, then follow `next`. The last pages are as fast as the first.",
        {"type": "string"},
    )


def _filters(columns: Columns) -> Json:
    """Describe all lookups on all fields as one object, whose properties are parameters."""
    return {
        "name": "filters",
        "in": "query",
        "style": "form",
        "explode": True,
        "description": "Each property is a parameter `field__lookup=value`. The lookups `in` and `range` take "
        + r"values separated by commas. Within a value, a comma is `\,` and a backslash is `\\`. A list can also "
        + "be split into several parameters of the same name.",
        "schema": lookups(columns),
        "example": {"my_status__in": Status.DEFINED} if "my_status" in columns else {},
    }


def lookups(columns: Columns) -> Json:
    """Describe an object of filters, whose properties are fields, each with a lookup or without."""
    patterns: Json = {}
    for kind, names in _by_kind(columns).items():
        fields = "|".join(names)
        patterns[f"^({fields})(__({'|'.join(COMPARISONS)}|ne))?(__exclude)?$"] = _text(kind.pattern)
        patterns[f"^({fields})__in(__exclude)?$"] = _text(several(kind))
        patterns[f"^({fields})__range(__exclude)?$"] = _text(two(kind))
    all_fields = "|".join(columns)
    patterns[f"^({all_fields})__({'|'.join(TEXT_MATCHES)})(__exclude)?$"] = _text(TEXT.pattern)
    patterns[f"^({all_fields})__isnull(__exclude)?$"] = _text(BOOLEAN.pattern)
    return {
        "type": "object",
        "patternProperties": patterns,
        "additionalProperties": False,
        "maxProperties": MOST_PARAMETERS,
    }


def _by_kind(columns: Columns) -> dict[ColumnKind, list[str]]:
    kinds: dict[ColumnKind, list[str]] = {}
    for name, column in columns.items():
        kinds.setdefault(column_kind(column), []).append(name)
    return kinds


def _text(pattern: str) -> Json:
    return {"type": "string", "pattern": pattern}


def _in_query(name: str, description: str, schema: Json, *, required: bool = False) -> Json:
    return {"name": name, "in": "query", "description": description, "required": required, "schema": schema}
