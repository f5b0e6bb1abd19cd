"""The fields and options of a specification whose limits depend on Apertif."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field, PlainValidator, StringConstraints, WithJsonSchema

from atdb_interface.instruments.apertif.site import BEAMS, SITE
from atdb_interface.text_values import NUMBER

MOST_PRODUCTS = 1000


def _number_of_products(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_PRODUCTS):
        raise ValueError(f"{value!r} is not a number of data products from 1 to {MOST_PRODUCTS}")
    return value


FIELDS: Mapping[str, Any] = MappingProxyType({
    "field_beam": Annotated[int, Field(ge=0, lt=BEAMS), NUMBER],
    "telescopes": Annotated[
        str, StringConstraints(pattern=rf"^[{SITE.telescopes}]{{1,{len(SITE.telescopes)}}}$")
    ],
})  # fmt: skip
OPTIONS: Mapping[str, Any] = MappingProxyType({
    "ndps": Annotated[
        Any,
        PlainValidator(_number_of_products),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_PRODUCTS}),
    ],
})  # fmt: skip
