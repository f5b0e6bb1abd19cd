"""The kinds of values that fields of the wire hold, each with what makes it readable.

Times are aware UTC, written `YYYY-MM-DDTHH:MM:SSZ`; a time without a zone is taken as UTC.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema

from atdb_interface.data_hosts import local_path

LONGEST_TEXT = 4096
#: Beside the products of an observation, the archive holds this.
MANIFEST = "manifest.json"
#: Apertif forms this many beams on the sky, numbered from 0.
BEAMS = 40
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

_LEAP_YEARS = "19(7[26]|8[048]|9[26])|2000|2[01](0[48]|[2468][048]|[13579][26])"
_DAYS = (
    "(19[7-9][0-9]|2[01][0-9]{2})-"
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
#: How a time is written: a day from 1970 to 2199, perhaps a time of day, perhaps a zone. A bare number is not
#: taken as seconds since 1970: it is rather a slip.
TIME_PATTERN = (
    rf"^({_DAYS}|({_LEAP_YEARS})-02-29)"
    r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])?)?$"
)


def _no_control_characters(text: str) -> str:
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise ValueError("holds control characters")
    return text


def _utc(moment: datetime) -> datetime:
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if not EARLIEST <= moment < LATEST:
        raise ValueError("is not between 1970 and 2200")
    return moment


def _a_written_time(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and re.fullmatch(TIME_PATTERN, value)):
        return value
    raise ValueError("is not a time such as 2019-04-05T21:03:02Z")


def write_time(moment: datetime) -> str:
    """Write a time as the wire has it, `YYYY-MM-DDTHH:MM:SSZ`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[
    datetime,
    BeforeValidator(_a_written_time),
    AfterValidator(_utc),
    PlainSerializer(write_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": TIME_PATTERN}, mode="validation"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
#: Observations start and end at whole seconds: what the wire cannot tell apart must not differ in the database.
WholeSeconds = Annotated[Time, AfterValidator(lambda moment: moment.replace(microsecond=0))]
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_no_control_characters),
]
Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT), AfterValidator(_no_control_characters)]
Reason = Annotated[str, StringConstraints(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")]
TaskId = Annotated[str, StringConstraints(pattern=r"^\d{9,12}$")]
FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]
SmallInt = Annotated[int, Field(ge=0, le=2_000_000_000)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _safe_file_name(name: str) -> str:
    if name.startswith(".") or set(name) & set("/\\*?[]"):
        raise ValueError("is not the plain name of one file or directory")
    if name == MANIFEST:
        raise ValueError("is the name of the archive's own file")
    return name


FileName = Annotated[Name, AfterValidator(_safe_file_name)]


def _plain_path(path: str) -> str:
    if ".." in PurePosixPath(path).parts or set(path) & set("\\*?[]"):
        raise ValueError("holds '..' or one of \\*?[]")
    return path


def _host_and_directory(location: str) -> str:
    local_path(Path(), location)
    return location


Collection = Annotated[Text, AfterValidator(_plain_path)]
DataLocation = Annotated[Text, AfterValidator(_host_and_directory)]


class Family(StrEnum):
    """The kinds of observing modes, told by how the mode's name begins; each writes its own data products."""

    IMAGING = "imaging"
    ARTS_SC1 = "arts_sc1"
    ARTS_SC4 = "arts_sc4"

    @property
    def data_host(self) -> str:
        """Name the machine on whose disks this family's data lie where the specification names none."""
        return "wcudata1" if self is Family.IMAGING else "arts001"


def family_of(observing_mode: str) -> Family:
    """Tell an observing mode's family; ValueError where there is none, as nobody knows its data products."""
    for family in Family:
        if observing_mode == family or observing_mode.startswith(f"{family}_"):
            return family
    raise ValueError(f"{observing_mode!r} begins with none of {', '.join(Family)}")


def _known_mode(observing_mode: str) -> str:
    family_of(observing_mode)
    return observing_mode


ObservingMode = Annotated[Name, AfterValidator(_known_mode)]
