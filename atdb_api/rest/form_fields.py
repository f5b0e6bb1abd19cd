"""The fields of a form, from the JSON Schema of what an endpoint takes."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from atdb_interface.time_patterns import TIME_PATTERN

Schema = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One input. `kind`: select, textarea, or the type of an HTML input; `error`: why its value is refused."""

    name: str
    kind: str
    value: str = ""
    error: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    attributes: Mapping[str, Any] | None = None


def fields(
    model: type[BaseModel],
    *,
    leave_out: Collection[str] = (),
    present: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> list[Field]:
    """Return an input for each field of a model; `present`: their values, as text."""
    schema = model.model_json_schema()
    required = schema.get("required", ())
    names = [name for name in schema["properties"] if name not in leave_out]
    names.sort(key=lambda name: (name not in required, name not in model.__annotations__))
    return [
        _field(
            name,
            resolved(schema["properties"][name], schema),
            value=(present or {}).get(name, ""),
            error=(errors or {}).get(name, ""),
            required=name in required,
        )
        for name in names
    ]


def resolved(schema: Schema, whole: Schema) -> Schema:
    """Return the schema of a value that is not null: follow references, leave out null."""
    if alternatives := schema.get("anyOf"):
        schema = next((each for each in alternatives if each.get("type") != "null"), {})
    if reference := schema.get("$ref"):
        schema = whole["$defs"][reference.rpartition("/")[2]]
    return schema


def is_structured(schema: Schema) -> bool:
    """Return whether values are objects or lists, which a form holds as JSON."""
    return schema.get("type") in ("object", "array")


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Format values for the inputs of a form."""
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _field(name: str, schema: Schema, **given: Any) -> Field:
    if "enum" in schema:
        return Field(name, "select", choices=tuple(schema["enum"]), **given)
    kind = schema.get("type")
    if kind == "boolean":
        return Field(name, "select", choices=("true", "false"), **given)
    if is_structured(schema):
        return Field(name, "textarea", **given)
    if kind in ("integer", "number"):
        limits = {"min": schema.get("minimum"), "max": schema.get("maximum")}
        step = {"step": "any" if kind == "number" else 1}
        return Field(name, "number", attributes=step | {k: v for k, v in limits.items() if v is not None}, **given)
    if schema.get("pattern") == TIME_PATTERN:
        return Field(name, "text", attributes={"placeholder": "2019-04-05T21:03:02Z"}, **given)
    limits = {"maxlength": schema["maxLength"]} if "maxLength" in schema else {}
    return Field(name, "password" if name == "password" else "text", attributes=limits, **given)
