"""The report of a night as the wire has it: what was observed, failed, waits, came, left, and what is expected.

All times are UTC at whole seconds, and all lengths of time are between such times. A night ends at the report hour
and lasts 24 hours, so that the nights have no gap. "At the end of the night" means at `ends`. Names, modes and
sizes are those that ATDB has at `made_at`.
"""

import re
from datetime import date, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from atdb_interface.base_models import Wire
from atdb_interface.fields import LONGEST_TEXT, Time
from atdb_interface.lifecycle import STAGES, Actor, Status
from atdb_interface.time_patterns import DAY_PATTERN

#: The longest lists of observations and of failures in a report; the counts beside them are always complete.
LONGEST_LIST = 1000
LONGEST_WAITING = 20
SLOWEST = 10
#: More data hosts or observing modes than any observatory has.
MOST_HOSTS = MOST_MODES = 200
#: How far ahead the forecast of a disk looks, and how far its points lie apart.
FORECAST = timedelta(days=14)
FORECAST_STEP = timedelta(hours=6)
_POINTS = FORECAST // FORECAST_STEP + 1

#: As `fields.Size`: readers of JSON cannot distinguish larger numbers. A figure that is as large was larger.
LARGEST = 2**53 - 1


def _a_number(value: Any) -> Any:
    if isinstance(value, str | bool):
        raise ValueError("is not a number")
    return value


def _a_day(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(DAY_PATTERN, value)):
        return value
    raise ValueError("is not a day such as 2019-04-05")


Night = Annotated[date, BeforeValidator(_a_day), WithJsonSchema({"type": "string", "pattern": DAY_PATTERN})]
Moment = Annotated[Time, AfterValidator(lambda moment: moment.replace(microsecond=0))]
ShortText = Annotated[str, Field(max_length=LONGEST_TEXT)]
Count = Annotated[int, Field(ge=0, le=LARGEST), BeforeValidator(_a_number)]
#: A length of time, and the amount of data; bytes of free space can be negative in a forecast.
Seconds = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False), BeforeValidator(_a_number)]
AtLeastOne = Annotated[int, Field(ge=1, le=LARGEST), BeforeValidator(_a_number)]
Bytes = Count
FreeBytes = Annotated[int, Field(ge=-LARGEST, le=LARGEST), BeforeValidator(_a_number)]


class ObservedRow(Wire):
    """An observation that entered `running` in the night."""

    taskID: ShortText
    name: ShortText
    observing_mode: ShortText
    data_host: ShortText
    started_at: Moment
    """When it first entered `running` in the night."""
    completed_at: Moment | None
    """When it last went from `running` to `completing` before the end of the night; None if it did not."""
    status: Status
    """At the end of the night."""
    products: Count
    size_bytes: Bytes
    """Of its data products of which the size is known."""


class FailureRow(Wire):
    """A transition into an error status or `incomplete` in the night; not the way back there from `on hold`."""

    taskID: ShortText
    name: ShortText
    stage: Actor
    failed_status: Status
    """The error status that it entered."""
    at: Moment
    actor: ShortText
    reason: ShortText
    """Cut to 500 characters; the history holds all of it."""
    status: Status
    """At the end of the night: another one than `failed_status` if the failure has been dealt with."""


class WaitingGroup(Wire):
    """The observations that have a status at the end of the night. Not for `removed` and `aborted`."""

    status: Status
    count: AtLeastOne
    median_seconds: Seconds
    """Since they entered it, as `longest_seconds`."""
    longest_seconds: Seconds
    longest_taskID: ShortText
    """The one that has had the status longest."""


class WaitingRow(Wire):
    """One of the observations that have waited longest, among them none that waits for its start."""

    taskID: ShortText
    name: ShortText
    observing_mode: ShortText
    data_host: ShortText
    status: Status
    since: Moment
    seconds: Seconds
    """From `since` to the end of the night."""


class DataHostRow(Wire):
    """The data that came to and left a data host in the night.

    A product counts as validated, and as archived, on the night in which it first got that status.
    """

    data_host: ShortText
    validated_products: Count
    validated_bytes: Bytes
    archived_products: Count
    archived_bytes: Bytes
    removed_products: Count
    """By the removal receipts."""
    removed_bytes: Bytes


class StageRow(Wire):
    """How long a stage worked: of the stays in its working status that ended in the night.

    `specify` has no working status; for it, the stays in `defined` count. Where nothing ended, `count` is 0 and
    the rest is None.
    """

    stage: Actor
    status: Status
    count: Count
    median_seconds: Seconds | None
    p95_seconds: Seconds | None
    max_seconds: Seconds | None
    slowest_taskID: ShortText | None


class SlowestRow(Wire):
    """One of the slowest single stays in a working status that ended in the night."""

    taskID: ShortText
    name: ShortText
    stage: Actor
    status: Status
    """The working status."""
    entered: Moment
    left: Moment
    seconds: Seconds
    next_status: Status
    """The status that followed."""
    size_bytes: Bytes


class VolumeRate(Wire):
    """How much an observing mode writes: from what it wrote before.

    The median, over up to 100 latest observations of the mode that had ended and of which sizes are known, of
    bytes per second of duration and per data product.
    """

    observing_mode: ShortText
    observations: AtLeastOne
    bytes_per_second_per_product: Seconds


class DiskPoint(Wire):
    """The free space that is expected at a moment; below 0 if the disk cannot hold what is planned."""

    at: Moment
    free_bytes: FreeBytes


class DiskRow(Wire):
    """The disk of a data host, and its forecast.

    The forecast takes what is planned to be written from the end of the night on: of each observation that is
    `defined`, `scheduled`, `starting` or `running` then, the mode's rate (see `VolumeRate`) times its number of
    products, spread evenly from its start to its end. No removal is expected.
    """

    data_host: ShortText
    total_bytes: Bytes | None
    """As last reported before the end of the night; None if nothing was."""
    free_bytes: Bytes | None
    seen_at: Moment | None
    planned_observations: Count
    """Those whose volume is in the forecast, of the next 14 days."""
    unknown_observations: Count
    """Those planned whose mode has written nothing yet: their volume is not in the forecast."""
    planned_bytes: Bytes
    forecast: Annotated[list[DiskPoint], Field(max_length=_POINTS)]
    """Every 6 hours from the end of the night, 14 days long; empty if the free space is not known."""
    full_at: Moment | None
    """When the free space is used up; None if it is not within the forecast."""
    lowest_free_bytes: FreeBytes | None
    """At the end of the forecast."""


class NightReport(Wire):
    """The report of one night. It never changes once it is stored."""

    night: Night
    """The day on which the night begins."""
    begins: Moment
    ends: Moment
    made_at: Moment
    observed_count: Count
    observed_bytes: Bytes
    observed: Annotated[list[ObservedRow], Field(max_length=LONGEST_LIST)]
    """The first ones, by `started_at`."""
    failures_count: Count
    failures: Annotated[list[FailureRow], Field(max_length=LONGEST_LIST)]
    """The first ones, by `at`."""
    waiting: Annotated[list[WaitingGroup], Field(max_length=len(Status))]
    """In the order of the lifecycle."""
    longest_waiting: Annotated[list[WaitingRow], Field(max_length=LONGEST_WAITING)]
    """The longest first."""
    data_hosts: Annotated[list[DataHostRow], Field(max_length=MOST_HOSTS)]
    """Those on which something happened, by name."""
    stages: Annotated[list[StageRow], Field(max_length=len(STAGES))]
    """All five, in the order of the pipeline."""
    slowest: Annotated[list[SlowestRow], Field(max_length=SLOWEST)]
    """The slowest first."""
    volume_rates: Annotated[list[VolumeRate], Field(max_length=MOST_MODES)]
    disks: Annotated[list[DiskRow], Field(max_length=MOST_HOSTS)]
    """Those that were reported, or to which something is planned to be written; by name."""

    @model_validator(mode="after")
    def _is_of_a_night_that_has_ended(self) -> Self:
        if self.begins.date() != self.night or self.ends - self.begins != timedelta(hours=24):
            raise ValueError(f"the night of {self.night} does not begin and end at these times, 24 hours apart")
        if self.made_at < self.ends:
            raise ValueError(f"the night of {self.night} has not ended: it ends at {self.ends:%Y-%m-%dT%H:%M:%SZ}")
        return self


class StoredReport(BaseModel):
    """The main figures of a stored night report. Never changed, as the report itself."""

    night: Night
    """The day on which the night begins."""
    made_at: Time
    stored_at: Time
    actor: str
    """The account that stored it."""
    observed_count: int
    observed_bytes: int
    failures_count: int
    archived_bytes: int
    full_at: Time | None
    """When the first disk is expected to be full; None if none is within the forecast."""
