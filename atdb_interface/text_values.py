"""The formats of texts, numbers and flags, for the server that reads them and for JSON Schema.

Patterns have the same meaning in Python, ECMAScript and Rust: they use ASCII classes, and neither lookahead nor
lookbehind.
"""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class TextFormat:
    """A format of text. `otherwise`: the error message for text that does not match `pattern`."""

    pattern: str
    otherwise: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the value after the validators that precede this one in the annotation."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the pattern to the schema."""
        return handler(core) | {"pattern": self.pattern}

    def _checked(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(self.otherwise)
        return text


def _refuse_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("is not a number")
    return value


def _refuse_number(value: Any) -> Any:
    if not isinstance(value, bool | str):
        raise ValueError("is neither true nor false")
    return value


#: Numbers and flags can also be sent as text, as forms and the telescope's scripts do. Pydantic reads it, and the
#: schema does not describe it. Unlike in Python, a flag is not a number.
NUMBER, FLAG = BeforeValidator(_refuse_flag), BeforeValidator(_refuse_number)
