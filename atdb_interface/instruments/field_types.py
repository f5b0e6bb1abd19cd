"""Field types that depend on the instrument in use, for reading values and for the JSON Schema of the models."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from atdb_interface.field_errors import field_error, message_of
from atdb_interface.instruments.in_use import instrument
from atdb_interface.instruments.interface import Instrument


@dataclass(frozen=True)
class OfInstrument:
    """A field type that the instrument in use defines. If it defines none, the annotated type applies.

    The instrument is loaded when a value is read, not at import, because its package may import the models.
    """

    find: Callable[[Instrument], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read the value by the instrument's type, or by the annotated type if there is none."""
        return core_schema.no_info_wrap_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the type that applies."""
        adapter = _adapter(self.find)
        return adapter.json_schema() if adapter else handler(core)

    def _read(self, value: Any, otherwise: Callable[[Any], Any]) -> Any:
        adapter = _adapter(self.find)
        return adapter.validate_python(value) if adapter else otherwise(value)


@cache
def _adapter(find: Callable[[Instrument], Any]) -> TypeAdapter[Any] | None:
    field_type = find(instrument())
    return None if field_type is None else TypeAdapter(field_type)


def read_known_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Read those options that the instrument knows. The error names the first that cannot be read."""
    known = {}
    for name, kind in instrument().options.items():
        if name in options:
            try:
                known[name] = TypeAdapter(kind).validate_python(options[name])
            except ValidationError as error:
                raise field_error(f"options.{name}", message_of(error.errors()[0])) from None
    return known


def describe_options(schema: JsonSchemaValue) -> None:
    """Describe in the JSON Schema of the options those that the instrument names. A site may allow others."""
    del schema["patternProperties"], schema["propertyNames"]
    known = {name: TypeAdapter(kind).json_schema() for name, kind in instrument().options.items()}
    others: JsonSchemaValue = {name: {} for name in instrument().other_options}
    schema["properties"] = {**known, **others}
    schema["additionalProperties"] = False
