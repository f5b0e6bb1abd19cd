"""The formats of texts, numbers and flags, for the server that reads them and for JSON Schema.

Each format is one pattern, so that the OpenAPI document and the server agree. Patterns have the same meaning in
Python, ECMAScript and Rust: they use ASCII classes, and neither lookahead nor lookbehind.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

_ZEROS = "0{0,20}"
_TINY = r"[1-9](\.[0-9]*)?[eE]-[0-9]{1,2}"
_TRUE = "[Tt](rue)?|TRUE|[Yy](es)?|YES|[Oo]n|ON|1"
_FALSE = "[Ff](alse)?|FALSE|[Nn]o?|NO|[Oo]ff|OFF|0"

#: The JSON Schema of a flag that is not set.
NOT_SET: JsonSchemaValue = {"anyOf": [{"const": False}, {"type": "string", "pattern": f"^({_FALSE})$"}]}


@dataclass(frozen=True)
class Written:
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


@dataclass(frozen=True)
class AlsoAsText:
    """A number or a flag that can also be sent as text, as forms and the telescope's scripts do.

    Unlike in Python, a boolean is not a number.
    """

    pattern: str
    otherwise: str
    read: Callable[[str], float | bool]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read text before the range of the number is checked."""
        return core_schema.no_info_before_validator_function(self._plain, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow both the value and its text in the schema."""
        return {"anyOf": [handler(core), {"type": "string", "pattern": self.pattern}]}

    def _plain(self, value: Any) -> Any:
        if isinstance(value, str) and re.fullmatch(self.pattern, value):
            return self.read(value)
        if isinstance(value, str) or isinstance(value, bool) != (self is FLAG):
            raise ValueError(self.otherwise)
        return value


FLAG = AlsoAsText(
    f"^({_TRUE}|{_FALSE})$", "is neither true nor false", lambda text: re.fullmatch(_TRUE, text) is not None
)


def whole(least: int, most: int) -> AlsoAsText:
    """Return the format of whole numbers as text. `least` is 0, 1 or `-most`."""
    sign, zero = ("[+-]?" if least < 0 else r"\+?"), ("" if least > 0 else "0|")
    return AlsoAsText(
        rf"^{sign}{_ZEROS}({zero}{counting(most)})(\.0*)?$",
        f"is not a whole number from {least} to {most}",
        lambda text: int(text.partition(".")[0]),
    )


def decimal(least: int, most: int, *, below: bool = False, above_zero: bool = False) -> AlsoAsText:
    """Return the format of decimal numbers as text. `below`: less than `most`; `above_zero`: not 0."""
    sign, zero = ("[+-]?" if least < 0 else r"\+?"), ("" if above_zero else "0|")
    patterns = [rf"{_ZEROS}({zero}{counting(most - 1)})(\.[0-9]*)?", _TINY]
    patterns += [] if below else [rf"{_ZEROS}{most}(\.0*)?"]
    patterns += [rf"{_ZEROS}0\.[0-9]*[1-9][0-9]*"] if above_zero else []
    return AlsoAsText(f"^{sign}({'|'.join(patterns)})$", f"is not a number between {least} and {most}", float)


def counting(most: int) -> str:
    """Return the alternatives of a pattern for the numbers from 1 to `most`, separated by bars."""
    digits = str(most)
    patterns = [f"[1-9][0-9]{{0,{len(digits) - 2}}}"] if len(digits) > 1 else []
    for place, digit in enumerate(digits):
        least, rest = (0 if place else 1), len(digits) - place - 1
        if int(digit) > least:
            patterns.append(f"{digits[:place]}[{least}-{int(digit) - 1}]" + (f"[0-9]{{{rest}}}" if rest else ""))
    return "|".join([*patterns, digits])
