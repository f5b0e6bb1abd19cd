"""Read what a client sent, or raise BadRequest."""

from typing import TypeVar

from flask import request
from pydantic import BaseModel, TypeAdapter
from werkzeug.exceptions import UnsupportedMediaType

Model = TypeVar("Model", bound=BaseModel)


def body(model: type[Model]) -> Model:
    """Read the request's JSON as this model; a ValidationError becomes a 400 that names each field."""
    return model.model_validate_json(_json())


def bodies(model: type[Model]) -> tuple[list[Model], bool]:
    """Read one object or a list of them; the second value says whether it was a list."""
    raw = _json()
    if raw.lstrip().startswith(b"["):
        return TypeAdapter(list[model]).validate_json(raw), True  # type: ignore[valid-type]
    return [model.model_validate_json(raw)], False


def _json() -> bytes:
    if request.mimetype not in ("application/json", ""):
        raise UnsupportedMediaType("send application/json")
    return request.get_data()
