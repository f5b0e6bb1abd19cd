"""The OpenAPI 3.1 document, generated from the contracts of the views: `/atdb/openapi.json`, and its page."""

import inspect
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, get_args, get_origin

from flask import Blueprint, Flask, current_app
from flask_swagger_ui import get_swaggerui_blueprint
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from atdb_api.openapi import parameters
from atdb_api.openapi.parameters import Json
from atdb_api.rest import auth
from atdb_api.rest.endpoint import Contract, contract_of, contracts, endpoint
from atdb_api.rest.resource import Resource
from atdb_api.search.columns import OBSERVATION_COLUMNS, PRODUCT_COLUMNS
from atdb_api.search.filters import Columns
from atdb_interface import errors
from atdb_interface.base_models import Page
from atdb_interface.bulk import DataProductBulk, ObservationBulk
from atdb_interface.claims import ClaimRequest
from atdb_interface.roles import roles_with
from atdb_interface.services import Heartbeat

DOCS = "/atdb/docs"
_DOCUMENT = "atdb_openapi"
PROBLEM = "application/problem+json"
_REF = "#/components/schemas/"
_SECURITY: list[dict[str, list[str]]] = [{"basic": []}, {"bearer": []}, {"session": []}]
_REFUSED_ALWAYS = (errors.BadRequest, errors.Unavailable)
_REFUSED_TO_SOME = (errors.Unauthorized, errors.Forbidden, errors.TooManyAttempts)
#: The models with the `filters` of a list, and the columns of that list.
_FILTERED: dict[type[BaseModel], Columns] = {
    ClaimRequest: OBSERVATION_COLUMNS,
    ObservationBulk: OBSERVATION_COLUMNS,
    DataProductBulk: PRODUCT_COLUMNS,
}
#: The models whose name in the document differs from that in Python.
_TITLES = {model.__name__: str(model.model_config["title"]) for model in (Heartbeat,)}
_HEADER: Json = {"required": True, "schema": {"type": "string"}}
#: The headers that errors with a status always have.
_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
_PROBLEM_SCHEMA: Json = {
    "type": "object",
    "description": "RFC 9457. Further members, such as `errors`, `my_status` and `allowed`, are for programs.",
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
    """Register the document and its page, which loads nothing from other hosts."""
    views = Blueprint("openapi", __name__, url_prefix="/atdb")

    @views.get("/openapi.json")
    @endpoint(None, answers=dict[str, Any])
    def document(_: object) -> Json:
        """Describe this API in OpenAPI 3.1."""
        if _DOCUMENT not in app.extensions:  # generating it takes a while
            app.extensions[_DOCUMENT] = describe()
        described: Json = app.extensions[_DOCUMENT]
        return described

    app.register_blueprint(views)
    app.register_blueprint(
        get_swaggerui_blueprint(DOCS, "/atdb/openapi.json", config={"app_name": "ATDB", "validatorUrl": None})
    )


def describe() -> Json:
    """Create the document from the application's contracts."""
    schemas = _Schemas(contracts().values())
    paths: dict[str, Json] = {}
    for (rule, method), contract in contracts().items():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)
        paths.setdefault(path, {})[method.lower()] = _operation(rule, method, contract, schemas)
    for path, summary in _pages():
        paths.setdefault(path, {})["get"] = {
            "operationId": f"get_{path.strip('/').replace('/', '_')}",
            "summary": summary,
            "tags": ["pages"],
            "responses": {"200": {"description": "An HTML page.", "content": {"text/html": {}}}},
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ATDB",
            "version": version("atdb"),
            "description": f"The task database of a radio telescope. {_ON_FILTERS} {_ON_TEXT}",
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
                    "description": f"A session, from /atdb/login/. Changes also require {auth.CSRF_HEADER}.",
                },
            },
        },
    }


def _pages() -> Iterator[tuple[str, str]]:
    """Find the pages that have no JSON: views without a contract, except the page of the document."""
    for rule in current_app.url_map.iter_rules():
        view = current_app.view_functions[rule.endpoint]
        if rule.rule.startswith("/atdb/") and not rule.rule.startswith(DOCS) and contract_of(view) is None:
            yield rule.rule, (inspect.getdoc(view) or "").partition("\n")[0]


_ON_FILTERS = (
    "Lists are filtered by Django's lookups on any field, `field__lookup=value`. `__exclude` after a lookup "
    "returns all items that the lookup does not match."
)
_ON_TEXT = 'In a request body, numbers and flags can also be sent as text, such as `"300"`.'


class _NamedByTitle(GenerateJsonSchema):
    """Generator of schemas that names a model by its own title, if it has one."""

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(_TITLES.get(name, name))


class _Schemas:
    """The JSON Schemas of all models in requests and answers, and the reference to each."""

    def __init__(self, all_contracts: Any) -> None:
        wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = []
        for contract in all_contracts:
            wanted += [(model, "validation") for model in _models(contract.takes)]
            wanted += [(model, "serialization") for model in _models(contract.answers)]
            if resource := contract.lists or contract.shows:
                wanted.append((resource.model, "serialization"))
        refs, document = models_json_schema(
            list(dict.fromkeys(wanted)), ref_template=_REF + "{model}", schema_generator=_NamedByTitle
        )
        self._refs = refs
        self.definitions: Json = document["$defs"]
        for model, columns in _FILTERED.items():
            self._describe_filters(model, columns)

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
        if get_origin(contract.answers) is list:
            return {"type": "array", "items": self._refs[get_args(contract.answers)[0], "serialization"]}
        one = self._refs[contract.answers, "serialization"]
        return {"anyOf": [one, {"type": "array", "items": one}]} if contract.takes_many else one

    def _describe_filters(self, model: type[BaseModel], columns: Columns) -> None:
        """Describe the filters in a body, which are those in the URL of a list."""
        name = "ObservationFilters" if columns is OBSERVATION_COLUMNS else "DataProductFilters"
        self.definitions[name] = {"title": name} | parameters.lookups(columns)
        body = self.definitions[self._refs[model, "validation"]["$ref"].removeprefix(_REF)]
        filters = body["properties"]["filters"]
        body["properties"]["filters"] = {
            "$ref": _REF + name,
            **{key: filters[key] for key in ("default", "minProperties") if key in filters},
        }

    def _part(self, resource: Resource[Any, Any]) -> Json:
        """Describe an item from which `?fields=` may have left out some fields."""
        complete = self.definitions[self._refs[resource.model, "serialization"]["$ref"].removeprefix(_REF)]
        name = f"{resource.model.__name__}Fields"
        part = {key: value for key, value in complete.items() if key != "required"}
        self.definitions[name] = part | {"title": name, "additionalProperties": False}
        return {"$ref": _REF + name}


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    kind = get_args(kind)[0] if get_origin(kind) is list else kind
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
        roles = roles_with(contract.needs)
        description += f"\n\nRequires the role {roles}, for the capability to {contract.needs.label}."
    operation: Json = {
        "operationId": f"{method.lower()}_{re.sub(r'[^a-z_]+', '_', rule).strip('_')}",
        "summary": summary,
        "description": description.strip(),
        "tags": [rule.split("/")[2] or "atdb"],
        "security": _SECURITY if contract.needs else [],
        "parameters": list(parameters.of(rule, method, contract)),
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


def _responses(rule: str, method: str, contract: Contract, schemas: _Schemas) -> Json:
    good: Json = {"description": "Done."}
    if contract.status != 204:
        good["content"] = {"application/json": {"schema": schemas.answered(contract)}}
    if contract.has_etag and method != "DELETE":
        good["headers"] = {"ETag": _HEADER}
    responses = {str(contract.status): good}
    if contract.repeats:
        responses["200"] = good | {"description": "The same request was done before."}
    if contract.has_etag and method == "GET":
        responses["304"] = {"description": "The item has not changed.", "headers": {"ETag": _HEADER}}
    for status, titles in sorted(_refusals(rule, method, contract).items()):
        responses[str(status)] = {
            "description": ", ".join(titles),
            "content": {PROBLEM: {"schema": {"$ref": _REF + "Problem"}}},
        }
        if names := _HEADERS.get(status):
            responses[str(status)]["headers"] = dict.fromkeys(names, _HEADER)
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
    if method == "POST" and contract.needs and not contract.answers_secret:
        kinds.append(errors.KeyReused)
    titles = {414: ["URL too long"], 431: ["Header too long"]}
    for kind in dict.fromkeys(kinds):
        titles.setdefault(kind.status, []).append(kind.title)
    if contract.takes:
        titles[413] = ["Too large"]
        titles[415] = ["Not JSON"]
    return titles
