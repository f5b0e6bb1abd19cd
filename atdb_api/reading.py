"""Read what a client sent, or raise BadRequest."""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, TypeAdapter
from werkzeug.exceptions import UnsupportedMediaType

from atdb_api import auth, filters
from atdb_interface.accounts import Login
from atdb_interface.errors import BadRequest

Model = TypeVar("Model", bound=BaseModel)
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Parameter:
    """A parameter in the address of an endpoint. `schema`: what JSON Schema says of its value."""

    name: str
    description: str
    schema: dict[str, Any]
    required: bool = False


def body(model: type[Model]) -> Model:
    """Read the request's JSON as this model; a ValidationError becomes a 400 that names each field."""
    return model.model_validate_json(_json(model))


def bodies(model: type[Model]) -> tuple[list[Model], bool]:
    """Read one object or a list of them; the second value says whether it was a list."""
    raw = _json(model)
    if raw.lstrip().startswith(b"["):
        return TypeAdapter(list[model]).validate_json(raw), True  # type: ignore[valid-type]
    return [model.model_validate_json(raw)], False


def refuse_other_parameters(known: tuple[Parameter, ...]) -> None:
    """Raise BadRequest for a parameter that is none of these."""
    names = {parameter.name for parameter in known}
    for name in request.args:
        if name not in names:
            raise filters.unreadable(name, "no such parameter")


def _json(model: type[BaseModel]) -> bytes:
    if request.mimetype == FORM:
        return _form(model)
    if request.mimetype not in ("application/json", ""):
        raise UnsupportedMediaType("send application/json")
    return request.get_data()


def _form(model: type[BaseModel]) -> bytes:
    """Turn a form of our own pages into JSON: what was left empty is not sent.

    Another site can make a browser send a form, so one is read only in a session, whose CSRF token was checked,
    and where nobody is logged in yet.
    """
    if not (auth.in_session() or model is Login):
        raise UnsupportedMediaType("send application/json")
    values = {}
    for name, text in request.form.items():
        if name == auth.CSRF_FIELD or text == "":
            continue
        values[name] = _from_text(name, text) if name in _structured(model) else text
    return json.dumps(values).encode()


def _structured(model: type[BaseModel]) -> set[str]:
    """Name the fields of a model that hold an object or a list, which a form writes as JSON."""
    described = model.model_json_schema()["properties"]
    return {name for name, schema in described.items() if not _is_plain(schema)}


def _is_plain(schema: dict[str, Any]) -> bool:
    ways = schema.get("anyOf", [schema])
    return all("$ref" in way or way.get("type") not in ("object", "array") for way in ways)


def _from_text(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest(f"{name}: not JSON", errors=[{"field": name, "message": "not JSON"}]) from None
