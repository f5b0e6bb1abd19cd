"""How text is written that is text, a number or a flag: what the server reads, and what JSON Schema says of it.

Each rule is one pattern, so that the document of the API promises just what the server does. Patterns keep to what
regular expressions mean alike in Python, ECMAScript and Rust: ASCII classes, and no looking around.
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

#: What JSON Schema says of a flag that is not set.
NOT_SET: JsonSchemaValue = {"anyOf": [{"const": False}, {"type": "string", "pattern": f"^({_FALSE})$"}]}


@dataclass(frozen=True)
class Written:
    """Refuse text that is not written by the pattern, saying what it is otherwise."""

    pattern: str
    otherwise: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after what stands before this in the annotation."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Say the pattern."""
        return handler(core) | {"pattern": self.pattern}

    def _checked(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(self.otherwise)
        return text


@dataclass(frozen=True)
class AlsoAsText:
    """Read a number or a flag that came as text too, as the telescope's scripts and all forms send them.

    No boolean is a number, though Python says so.
    """

    pattern: str
    otherwise: str
    read: Callable[[str], float | bool]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read text before the range of a number is checked."""
        return core_schema.no_info_before_validator_function(self._plain, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Say both ways."""
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
    """Describe whole numbers as text; `least` is 0, 1, or what lies as far below 0 as `most` above."""
    sign, zero = ("[+-]?" if least < 0 else r"\+?"), ("" if least > 0 else "0|")
    return AlsoAsText(
        rf"^{sign}{_ZEROS}({zero}{counting(most)})(\.0*)?$",
        f"is not a whole number from {least} to {most}",
        lambda text: int(text.partition(".")[0]),
    )


def decimal(least: int, most: int, *, below: bool = False, above_zero: bool = False) -> AlsoAsText:
    """Describe decimal numbers as text, as `whole` does. `below`: less than `most`; `above_zero`: not 0."""
    sign, zero = ("[+-]?" if least < 0 else r"\+?"), ("" if above_zero else "0|")
    patterns = [rf"{_ZEROS}({zero}{counting(most - 1)})(\.[0-9]*)?", _TINY]
    patterns += [] if below else [rf"{_ZEROS}{most}(\.0*)?"]
    patterns += [rf"{_ZEROS}0\.[0-9]*[1-9][0-9]*"] if above_zero else []
    return AlsoAsText(f"^{sign}({'|'.join(patterns)})$", f"is not a number between {least} and {most}", float)


def counting(most: int) -> str:
    """Give the ways to write the numbers from 1 to this, with a bar between."""
    digits = str(most)
    patterns = [f"[1-9][0-9]{{0,{len(digits) - 2}}}"] if len(digits) > 1 else []
    for place, digit in enumerate(digits):
        least, rest = (0 if place else 1), len(digits) - place - 1
        if int(digit) > least:
            patterns.append(f"{digits[:place]}[{least}-{int(digit) - 1}]" + (f"[0-9]{{{rest}}}" if rest else ""))
    return "|".join([*patterns, digits])
