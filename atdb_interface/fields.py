"""The types of the fields on the wire, each with its format and its limits.

Times are aware UTC, written `YYYY-MM-DDTHH:MM:SSZ`; a time without a zone is taken as UTC.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue

from atdb_interface.characters import BLANK, REFUSED, REFUSED_IN_LINES
from atdb_interface.data_hosts import HOST_PATTERN
from atdb_interface.instruments import Instrument
from atdb_interface.instruments.field_types import OfInstrument, describe_options
from atdb_interface.text_values import FLAG, NUMBER, TextFormat
from atdb_interface.time_patterns import DAY_PATTERN, FULL_TIME_PATTERN, TIME_PATTERN

LONGEST_TEXT = 4096
#: The longest name of a data product, in bytes of UTF-8. File systems allow 255, and programs add some to the name
#: while they write, compare or remove the product.
LONGEST_FILE_NAME_BYTES = 200
#: The longest name of a directory, in bytes.
LONGEST_DIRECTORY_NAME_BYTES = 255
#: The file that the archive holds in addition to the products of an observation.
MANIFEST = "manifest.json"
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
#: The longest observation, 68 years: the limit of the column in the database.
LONGEST_SECONDS = 2**31 - 1


def _utc(moment: datetime) -> datetime:
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if not EARLIEST <= moment < LATEST:
        raise ValueError("must be in the years 1971 to 2198")
    return moment


def _a_written_time(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and re.fullmatch(TIME_PATTERN, value)):
        return value
    raise ValueError("is not a time such as 2019-04-05T21:03:02Z")


def write_time(moment: datetime) -> str:
    """Format a time for the wire as `YYYY-MM-DDTHH:MM:SSZ`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[
    datetime,
    BeforeValidator(_a_written_time),
    AfterValidator(_utc),
    PlainSerializer(write_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": TIME_PATTERN}, mode="validation"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]


def _with_time_of_day(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(DAY_PATTERN, value):
        raise ValueError(f"{value} has no time of day, such as {value}T21:03:02Z")
    return value


#: The start or the end of an observation. They are at whole seconds: times that are equal on the wire are equal in
#: the database.
SpecifiedTime = Annotated[
    Time,
    BeforeValidator(_with_time_of_day),
    AfterValidator(lambda moment: moment.replace(microsecond=0)),
    WithJsonSchema({"type": "string", "pattern": FULL_TIME_PATTERN}, mode="validation"),
]
#: A character that can be seen.
VISIBLE = f"[^{BLANK}]"

Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    TextFormat(f"^[^{REFUSED}]*{VISIBLE}[^{REFUSED}]*$", "is blank or holds control characters"),
    AfterValidator(str.strip),
]
Text = Annotated[
    str, StringConstraints(max_length=LONGEST_TEXT), TextFormat(f"^[^{REFUSED}]*$", "holds control characters")
]
#: A reason can have several lines.
Reason = Annotated[
    str,
    StringConstraints(max_length=LONGEST_TEXT),
    TextFormat(f"^[^{REFUSED_IN_LINES}]*$", "holds control characters"),
]
#: A reason that is required.
GivenReason = Annotated[
    str,
    StringConstraints(max_length=LONGEST_TEXT),
    TextFormat(f"^[^{REFUSED_IN_LINES}]*{VISIBLE}[^{REFUSED_IN_LINES}]*$", "is blank or holds control characters"),
]


def _given(value: Any) -> Any:
    if value is None:
        raise ValueError("cannot be empty")
    return value


def _without_null(schema: JsonSchemaValue) -> None:
    del schema["default"]
    choices = [choice for choice in schema.pop("anyOf") if choice != {"type": "null"}]
    schema |= {"anyOf": choices} if len(choices) > 1 else choices[0]


_Value = TypeVar("_Value")
#: A field of a change: it can be left out, and is None then, but it cannot be set to null.
Given = Annotated[_Value | None, BeforeValidator(_given), Field(json_schema_extra=_without_null)]


def _task_id(instrument: Instrument) -> Any:
    ids = instrument.task_ids
    return Annotated[str, TextFormat(f"^{ids.pattern}$", f"is not a taskID such as {ids.example}")]


TaskId = Annotated[str, OfInstrument(_task_id)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Flag = Annotated[bool, FLAG]
FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]
SmallInt = Annotated[int, Field(ge=0, le=2_000_000_000), NUMBER]
#: Bytes, up to 9 PB: readers of JSON cannot distinguish larger numbers.
Size = Annotated[int, Field(ge=0, le=2**53 - 1), NUMBER]


def _no_manifest(name: str) -> str:
    if name == MANIFEST:
        raise ValueError("is reserved for the manifest of the archive")
    return name


def _fits(name: str) -> str:
    if len(name.encode()) > LONGEST_FILE_NAME_BYTES:
        raise ValueError(f"has more than {LONGEST_FILE_NAME_BYTES} bytes in UTF-8")
    return name


def _parts_fit(location: str) -> str:
    if any(len(part.encode()) > LONGEST_DIRECTORY_NAME_BYTES for part in location.split("/")):
        raise ValueError(f"has a directory of more than {LONGEST_DIRECTORY_NAME_BYTES} bytes in UTF-8")
    return location


def _no_names_of_atdb(location: str) -> str:
    if name := next((part for part in location.split("/") if _OF_ATDB.fullmatch(part)), None):
        raise ValueError(f"has the directory {name}, whose name is reserved for ATDB")
    return location


#: The names of the hidden files by which ATDB recognises disks, and what a removal has begun to delete.
_OF_ATDB = re.compile(r"\.atdb-.*|\..*\.(removing|atdb-removed)(\..*)?", re.DOTALL)
_NO_COLLECTION = rf"{REFUSED}\\*?\[\]"
#: The parset separates the names of products by commas.
_NO_FILE = f"{_NO_COLLECTION}/,"
#: The name of a new data product.
FileName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    TextFormat(
        f"^[^.{BLANK}{_NO_FILE}]([^{_NO_FILE}]*[^{BLANK}{_NO_FILE}])?$",
        "must be the name of a file or directory that is not hidden, without slashes, commas and any of \\*?[]",
    ),
    AfterValidator(_fits),
    AfterValidator(_no_manifest),
    Field(json_schema_extra={"not": {"const": MANIFEST}}),
]
#: The name of a data product that ATDB has. Earlier versions allowed commas, and more bytes.
StoredFileName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    TextFormat(f"^[^/{REFUSED}]*$", "is not the name of a file or directory"),
]


def _path(refused: str) -> str:
    """Return the pattern of a path without the part `..` and without the refused characters."""
    part = rf"(\.?|\.?[^./{refused}][^/{refused}]*|\.\.[^/{refused}]+)"
    return f"{part}(/{part})*"


Collection = Annotated[
    str,
    StringConstraints(max_length=LONGEST_TEXT),
    TextFormat(f"^{_path(_NO_COLLECTION)}$", "holds '..', control characters or one of \\*?[]"),
]
DataLocation = Annotated[
    str,
    StringConstraints(max_length=LONGEST_TEXT),
    TextFormat(f"^{HOST_PATTERN}:/{_path(REFUSED)}$", "is not host:/directory"),
    AfterValidator(_parts_fit),
    AfterValidator(_no_names_of_atdb),
]


def _observing_mode(instrument: Instrument) -> Any:
    names = [mode.name for mode in instrument.modes]
    return Annotated[
        str,
        StringConstraints(max_length=200),
        TextFormat(
            rf"^ *({'|'.join(names)})(_[^/\\{REFUSED}]*)? *$",
            f"does not begin with one of {', '.join(names)}, or holds slashes or control characters",
        ),
        AfterValidator(str.strip),
    ]


ObservingMode = Annotated[str, OfInstrument(_observing_mode)]
BeamNumber = Annotated[SmallInt, OfInstrument(lambda instrument: instrument.fields.get("field_beam"))]
Telescopes = Annotated[Text, OfInstrument(lambda instrument: instrument.fields.get("telescopes"))]
Options = Annotated[dict[Name, JsonValue], Field(json_schema_extra=describe_options)]
