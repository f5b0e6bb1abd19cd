"""Read what a client has sent, or raise BadRequest."""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, TypeAdapter
from pydantic_core import from_json
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from atdb_api.rest import auth, form_fields
from atdb_api.search import filters
from atdb_interface.errors import BadRequest, NotFound
from atdb_interface.sessions import Login

Model = TypeVar("Model", bound=BaseModel)
FORM = "application/x-www-form-urlencoded"
MOST_MEMBERS = 5000
#: More than any name with its password: all clients can send a login, and reading megabytes of JSON takes long.
MOST_LOGIN_BYTES = 64 << 10
#: Further fields of forms: the former values of the fields, and the URL to open after a login.
AS_IT_WAS, NEXT = "_was", "next"
NO_FIELDS = (auth.CSRF_FIELD, AS_IT_WAS, NEXT)


@dataclass(frozen=True)
class Parameter:
    """A parameter in the URL of an endpoint. `schema`: the JSON Schema of its value."""

    name: str
    description: str
    schema: dict[str, Any]
    required: bool = False


def body(model: type[Model]) -> Model:
    """Read the request's JSON as this model; a ValidationError becomes a 400 that names each field."""
    return model.model_validate_json(_json(model))


def bodies(model: type[Model]) -> tuple[list[Model], bool]:
    """Read one object or a list of them; also return whether it was a list."""
    raw = _json(model)
    if raw.lstrip().startswith(b"["):
        return TypeAdapter(list[model]).validate_json(raw), True  # type: ignore[valid-type]
    return [model.model_validate_json(raw)], False


def refuse_nul() -> None:
    """Raise NotFound for a NUL character in the path, and BadRequest for one in a parameter or form field.

    PostgreSQL cannot store this character, so a query with it would fail with an internal error.
    """
    if "\0" in request.path:
        raise NotFound("The path holds a NUL character, which no name can have.")
    given = [*request.args.items(multi=True), *request.form.items(multi=True)]
    for name, value in given:
        if "\0" in name or "\0" in value:
            raise filters.unreadable(name, filters.TEXT.otherwise)


def refuse_other_parameters(known: tuple[Parameter, ...]) -> None:
    """Raise BadRequest for a parameter that is not one of these."""
    names = {parameter.name for parameter in known}
    for name in request.args:
        if name not in names:
            raise filters.unreadable(name, filters.UNKNOWN_PARAMETER)


def _json(model: type[BaseModel]) -> bytes:
    if model is Login and len(request.get_data()) > MOST_LOGIN_BYTES:
        raise RequestEntityTooLarge(f"A login has at most {MOST_LOGIN_BYTES >> 10} KiB.")
    if request.mimetype == FORM:
        return _form(model)
    if request.mimetype not in ("application/json", ""):
        raise UnsupportedMediaType("Send the body as application/json.")
    raw = request.get_data()
    _refuse_too_many(raw)
    return raw


def _refuse_too_many(raw: bytes) -> None:
    """Raise BadRequest for more members than any request needs; error messages for each would take memory."""
    try:
        value = from_json(raw)
    except ValueError:
        return  # reading it as a model gives a better message
    if isinstance(value, dict | list) and len(value) > MOST_MEMBERS:
        raise BadRequest(f"The body has more than {MOST_MEMBERS} members. Send them in several requests.")


def _form(model: type[BaseModel]) -> bytes:
    """Convert a form of ATDB's pages to JSON: empty and unchanged fields are left out.

    So an edit of one field does not undo what another user has changed in other fields meanwhile.

    Another site can make a browser send a form. So a form is accepted only in a session whose CSRF token has been
    checked, or for the login.
    """
    if not (auth.in_session() or model is Login):
        raise UnsupportedMediaType("Send the body as application/json.")
    whole = model.model_json_schema()
    before = _from_text(AS_IT_WAS, request.form.get(AS_IT_WAS, "{}"))
    values = {}
    for name, text in request.form.items():
        if name in NO_FIELDS or text == "" or (isinstance(before, dict) and text == before.get(name)):
            continue
        schema = form_fields.resolved(whole["properties"].get(name, {}), whole)
        values[name] = _from_text(name, text) if form_fields.is_structured(schema) else text
    return json.dumps(values).encode()


def _from_text(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest(f"{name}: not JSON", errors=[{"field": name, "message": "not JSON"}]) from None
