"""The OpenAPI 3.1 document, made from the contracts of the views: `/atdb/openapi.json`, with a page for people."""

import inspect
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, get_origin

from flask import Blueprint, Flask, current_app
from flask_swagger_ui import get_swaggerui_blueprint
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from atdb_api import auth, idempotency, pages
from atdb_api.endpoint import Contract, contracts, endpoint
from atdb_api.filters import BOOLEAN as BOOLEAN_KIND
from atdb_api.filters import COMPARISONS, TEXT, TEXT_MATCHES, Columns, Kind, Related, kind_of, several
from atdb_api.pages import MAX_PAGE_SIZE, PAGE_SIZE, Listing
from atdb_interface import errors
from atdb_interface.models import Page

Json = dict[str, Any]
PROBLEM = "application/problem+json"
_REF = "#/components/schemas/"
_SECURITY: list[dict[str, list[str]]] = [{"basic": []}, {"bearer": []}, {"session": []}]
_REFUSED_ALWAYS = (errors.BadRequest, errors.Unavailable)
_REFUSED_TO_SOME = (errors.Unauthorized, errors.Forbidden, errors.TooManyAttempts)
_PROBLEM_SCHEMA: Json = {
    "type": "object",
    "description": "RFC 9457. Further members tell programs more, such as `errors`, `my_status` and `allowed`.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                "required": ["field", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}


def init_app(app: Flask) -> None:
    """Register the document and its page, which needs nothing from any other network."""
    views = Blueprint("openapi", __name__, url_prefix="/atdb")

    @views.get("/openapi.json")
    @endpoint(None, answers=dict[str, Any])
    def document(_: object) -> Json:
        """Describe this API in OpenAPI 3.1."""
        return describe()

    app.register_blueprint(views)
    app.register_blueprint(
        get_swaggerui_blueprint("/atdb/docs", "/atdb/openapi.json", config={"app_name": "ATDB"})
    )


def describe() -> Json:
    """Make the document from the application's contracts."""
    schemas = _Schemas(contracts().values())
    paths: dict[str, Json] = {}
    for (rule, method), contract in contracts().items():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)
        paths.setdefault(path, {})[method.lower()] = _operation(rule, method, contract, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ATDB",
            "version": version("atdb"),
            "description": "The task database of a radio telescope. " + _ON_FILTERS,
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas.definitions, "Problem": _PROBLEM_SCHEMA},
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": auth.COOKIE,
                    "description": f"A browser's, from /atdb/login/. Changes need {auth.CSRF_HEADER} too.",
                },
            },
        },
    }


_ON_FILTERS = (
    "Lists are filtered by Django's lookups on any field, `field__lookup=value`; `__exclude` behind a lookup "
    "gives all that it does not find."
)


class _Schemas:
    """The JSON Schemas of all models that are taken or answered, and how to refer to each."""

    def __init__(self, all_contracts: Any) -> None:
        wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = []
        for contract in all_contracts:
            wanted += [(model, "validation") for model in _models(contract.takes)]
            wanted += [(model, "serialization") for model in _models(contract.answers)]
            if listing := contract.lists or contract.shows:
                wanted.append((listing.model, "serialization"))
        refs, document = models_json_schema(
            list(dict.fromkeys(wanted)), ref_template=_REF + "{model}", schema_generator=GenerateJsonSchema
        )
        self._refs = refs
        self.definitions: Json = document["$defs"]

    def taken(self, contract: Contract) -> Json:
        one = self._refs[contract.takes, "validation"]  # type: ignore[index]
        return {"anyOf": [one, {"type": "array", "items": one}]} if contract.takes_many else one

    def answered(self, contract: Contract) -> Json:
        if contract.shows:
            return self._part(contract.shows)
        if contract.lists:
            return _page_of(self._part(contract.lists))
        if get_origin(contract.answers) is dict:
            return {"type": "object"}
        one = self._refs[contract.answers, "serialization"]
        return {"anyOf": [one, {"type": "array", "items": one}]} if contract.takes_many else one

    def _part(self, listing: Listing[Any, Any]) -> Json:
        """Describe an item of which `?fields=` may have left some fields out."""
        whole = self.definitions[self._refs[listing.model, "serialization"]["$ref"].removeprefix(_REF)]
        name = f"{listing.model.__name__}Fields"
        part = {key: value for key, value in whole.items() if key != "required"}
        self.definitions[name] = part | {"title": name, "additionalProperties": False}
        return {"$ref": _REF + name}


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind


def _page_of(item: Json) -> Json:
    schema = Page[BaseModel].model_json_schema()
    properties = schema["properties"] | {"results": {"type": "array", "items": item}}
    return {"type": "object", "properties": properties, "required": schema["required"]}


def _operation(rule: str, method: str, contract: Contract, schemas: _Schemas) -> Json:
    view = _view_of(rule, method)
    summary, _, description = (inspect.getdoc(view) or "").partition("\n\n")
    if contract.needs:
        description += f"\n\nNeeds the role {contract.needs.label}."
    operation: Json = {
        "operationId": f"{method.lower()}_{re.sub(r'[^a-z_]+', '_', rule).strip('_')}",
        "summary": summary,
        "description": description + f"\n\nNeeds the role {contract.needs.label}."
        if contract.needs
        else description,
        "tags": [rule.split("/")[2] or "atdb"],
        "security": _SECURITY if contract.needs else [],
        "parameters": list(_parameters(rule, method, contract)),
        "responses": _responses(rule, method, contract, schemas),
    }
    if contract.takes:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas.taken(contract)}},
        }
    return operation


def _view_of(rule: str, method: str) -> Callable[..., Any]:
    return next(
        current_app.view_functions[each.endpoint]
        for each in current_app.url_map.iter_rules()
        if each.rule == rule and method in (each.methods or set())
    )


def _parameters(rule: str, method: str, contract: Contract) -> Iterator[Json]:
    for name in re.findall(r"<int:(\w+)>", rule):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
    for parameter in contract.parameters:
        yield _in_query(parameter.name, parameter.description, parameter.schema, required=parameter.required)
    if contract.lists:
        yield from _list_parameters(contract.lists)
    listing = contract.lists or contract.shows
    if listing:
        names = "|".join(listing.model.model_fields)
        schema = {"type": "string", "pattern": f"^({names})(,({names}))*$"}
        yield _in_query("fields", "Only these fields, with commas between.", schema)
        if listing.existed:
            yield _in_query(pages.AS_OF.name, pages.AS_OF.description, pages.AS_OF.schema)
    columns = contract.lists.columns(None) if contract.lists else contract.filters
    if columns:
        yield _filters(columns)
    if contract.has_etag:
        name, use = ("If-None-Match", "not changed") if method == "GET" else ("If-Match", "changed")
        yield {
            "name": name,
            "in": "header",
            "description": f"The ETag of what the client has: 304 where it has {use}."
            if method == "GET"
            else f"The ETag of what the client has read: 412 where it has {use} since.",
            "schema": {"type": "string"},
        }
    if method == "POST" and contract.needs:
        yield {
            "name": idempotency.HEADER,
            "in": "header",
            "description": "Asked again with the same key, the first answer is given and nothing is done twice.",
            "schema": {"type": "string", "pattern": idempotency.KEY_PATTERN},
        }


def _list_parameters(listing: Listing[Any, Any]) -> Iterator[Json]:
    sortable = [name for name, column in listing.columns(None).items() if not isinstance(column, Related)]
    one = f"-?({'|'.join(sortable)})"
    numbers: Json = {"type": "integer", "minimum": 1, "maximum": pages.DEEPEST_PAGE}
    yield _in_query("page", "The number of the page.", numbers | {"default": 1})
    yield _in_query("page_size", "Items a page.", numbers | {"maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE})
    yield _in_query(
        "ordering",
        "Fields to order by, with commas between, each with a minus for the other way round.",
        {"type": "string", "pattern": f"^{one}(,{one})*$"},
    )
    yield _in_query(
        "cursor",
        "Empty, begins a walk that is as fast at its end as at its beginning; `next` goes on with it.",
        {"type": "string"},
    )


def _filters(columns: Columns) -> Json:
    """Describe all lookups on all fields as one object, of which each property is a parameter of its own."""
    patterns: Json = {}
    for kind, names in _by_kind(columns).items():
        fields = "|".join(names)
        patterns[f"^({fields})(__({'|'.join(COMPARISONS)}|ne))?(__exclude)?$"] = _text(kind.pattern)
        patterns[f"^({fields})__in(__exclude)?$"] = _text(several(kind) if kind is not TEXT else TEXT.pattern)
        patterns[f"^({fields})__range(__exclude)?$"] = _text(_two(kind))
    all_fields = "|".join(columns)
    patterns[f"^({all_fields})__({'|'.join(TEXT_MATCHES)})(__exclude)?$"] = _text(TEXT.pattern)
    patterns[f"^({all_fields})__isnull(__exclude)?$"] = _text(BOOLEAN_KIND.pattern)
    return {
        "name": "filters",
        "in": "query",
        "style": "form",
        "explode": True,
        "description": "Each property is a parameter `field__lookup=value`.",
        "schema": {"type": "object", "patternProperties": patterns, "additionalProperties": False},
        "example": {"my_status__in": "defined"} if "my_status" in columns else {},
    }


def _by_kind(columns: Columns) -> dict[Kind, list[str]]:
    kinds: dict[Kind, list[str]] = {}
    for name, column in columns.items():
        kinds.setdefault(kind_of(column), []).append(name)
    return kinds


def _two(kind: Kind) -> str:
    if kind is TEXT:
        return r"^[^\x00]*,[^\x00]*$"
    one = kind.pattern.removeprefix("^").removesuffix("$")
    return f"^{one},{one}$"


def _text(pattern: str) -> Json:
    return {"type": "string", "pattern": pattern}


def _in_query(name: str, description: str, schema: Json, *, required: bool = False) -> Json:
    return {"name": name, "in": "query", "description": description, "required": required, "schema": schema}


def _responses(rule: str, method: str, contract: Contract, schemas: _Schemas) -> Json:
    good: Json = {"description": "Done."}
    if contract.status != 204:
        good["content"] = {"application/json": {"schema": schemas.answered(contract)}}
    if contract.has_etag and method != "DELETE":
        good["headers"] = {"ETag": {"schema": {"type": "string"}}}
    responses = {str(contract.status): good}
    if contract.has_etag and method == "GET":
        responses["304"] = {"description": "What the client has is what there is."}
    for status, titles in sorted(_refusals(rule, method, contract).items()):
        responses[str(status)] = {
            "description": ", ".join(titles),
            "content": {PROBLEM: {"schema": {"$ref": _REF + "Problem"}}},
        }
    return responses


def _refusals(rule: str, method: str, contract: Contract) -> dict[int, list[str]]:
    kinds: list[type[errors.AtdbError]] = [*_REFUSED_ALWAYS, *contract.refuses]
    if contract.needs or contract.takes:
        kinds += _REFUSED_TO_SOME
    if "<" in rule or contract.lists:
        kinds.append(errors.NotFound)
    if contract.has_etag and method != "GET":
        kinds.append(errors.PreconditionFailed)
    if method in ("POST", "PUT", "PATCH", "DELETE"):
        kinds.append(errors.Conflict)
    if method == "POST":
        kinds.append(errors.KeyReused)
    titles: dict[int, list[str]] = {}
    for kind in dict.fromkeys(kinds):
        titles.setdefault(kind.status, []).append(kind.title)
    if contract.takes:
        titles[413] = ["Too large"]
        titles[415] = ["Not JSON"]
    return titles
