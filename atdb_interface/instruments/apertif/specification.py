"""The limits of a specification that depend on Apertif: of fields, of options, and of fields together."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field, PlainValidator, StringConstraints, WithJsonSchema

from atdb_interface.instruments.apertif.site import BEAMS, SITE
from atdb_interface.instruments.interface import Problem
from atdb_interface.observations import NewObservation, Observation
from atdb_interface.text_values import NUMBER

MOST_PRODUCTS = 1000
#: The range of the receivers.
LOWEST_MHZ, HIGHEST_MHZ = 1130, 1750
#: Further south, nothing rises above the horizon of the site.
LOWEST_DEC_DEGREES = (SITE.latitude_degrees or 0) - 90
#: Options that the schedules of Apertif have, and that only the telescope reads.
OTHER_OPTIONS = ("process_triggers",)


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


def problems(specified: NewObservation | Observation) -> Iterator[Problem]:
    """Yield what is wrong with a specification, although each single value is possible."""
    if specified.field_ra is not None and specified.field_ha is not None:
        yield "field_ha", "the field has a right ascension and an hour angle; give one of them"
    if specified.field_ra is None and specified.field_ha is None:
        yield "field_ra", "the field has no coordinates; give field_ra, or field_ha, in degrees"
    if specified.field_dec is None:
        yield "field_dec", "the field has no declination; give it in degrees"
    elif specified.field_dec < LOWEST_DEC_DEGREES:
        yield "field_dec", f"a field at {specified.field_dec:.15g} degrees never rises at {SITE.name}"
    frequency = specified.central_frequency
    if frequency is not None and not LOWEST_MHZ <= frequency <= HIGHEST_MHZ:
        yield "central_frequency", f"{frequency:.15g} is not a frequency from {LOWEST_MHZ} to {HIGHEST_MHZ} MHz"
    first, last = specified.start_band, specified.end_band
    if first is not None and last is not None and first > last:
        yield "end_band", f"the last band, {last}, is before the first one, {first}"
    dishes = specified.telescopes or ""
    if repeated := sorted({dish for dish in dishes if dishes.count(dish) > 1}):
        yield "telescopes", f"{dishes} names {' and '.join(repeated)} more than once"


def shares_telescope(one: NewObservation | Observation, other: NewObservation | Observation) -> bool:
    """Return whether two observations use the same dish. An observation that names no dishes uses all."""
    return bool(set(one.telescopes or SITE.telescopes) & set(other.telescopes or SITE.telescopes))
