"""Night reports on the wire: observations, failures, waiting observations, data in and out, and a disk forecast.

All times are UTC at whole seconds, and all durations are between such times. A night ends at the report hour and
lasts 24 hours, so that there is no gap between nights. "At the end of the night" means at `ends`. Names, modes and
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

#: The longest lists of observations and of failures in a report. The counts are always complete.
LONGEST_LIST = 1000
LONGEST_WAITING = 20
SLOWEST = 10
#: More data hosts or observing modes than any observatory has.
MOST_HOSTS = MOST_MODES = 200
#: The length of the forecast of a disk, and the time between its points.
FORECAST = timedelta(days=14)
FORECAST_STEP = timedelta(hours=6)
_POINTS = FORECAST // FORECAST_STEP + 1

#: As for `fields.Size`, readers of JSON cannot distinguish larger numbers. A larger figure is cut to this value.
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
#: A duration, or a rate per second.
Seconds = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False), BeforeValidator(_a_number)]
AtLeastOne = Annotated[int, Field(ge=1, le=LARGEST), BeforeValidator(_a_number)]
Bytes = Count
#: Free space can be negative in a forecast.
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
    """The last time before the end of the night when it became `completing` after `running`; None if it did
    not.
    """
    status: Status
    """At the end of the night."""
    products: Count
    size_bytes: Bytes
    """The sum over its data products with a known size."""


class FailureRow(Wire):
    """A transition into an error status or `incomplete` in the night.

    A return to it after a hold does not count.
    """

    taskID: ShortText
    name: ShortText
    stage: Actor
    failed_status: Status
    """The error status that it entered."""
    at: Moment
    actor: ShortText
    reason: ShortText
    """Cut to 500 characters. The history has the full text."""
    status: Status
    """At the end of the night. It differs from `failed_status` if the failure has been resolved."""


class WaitingGroup(Wire):
    """The observations in a status at the end of the night. There is no group for `removed` and `aborted`."""

    status: Status
    count: AtLeastOne
    median_seconds: Seconds
    """The time since they entered it, like `longest_seconds`."""
    longest_seconds: Seconds
    longest_taskID: ShortText
    """The observation that has had the status longest."""


class WaitingRow(Wire):
    """One of the observations that have waited longest. Those that wait for their start are left out."""

    taskID: ShortText
    name: ShortText
    observing_mode: ShortText
    data_host: ShortText
    status: Status
    since: Moment
    seconds: Seconds
    """From `since` to the end of the night."""


class DataHostRow(Wire):
    """The data that were validated, archived and removed on a data host in the night.

    A product counts as validated and as archived in the night in which it first got that status.
    """

    data_host: ShortText
    validated_products: Count
    validated_bytes: Bytes
    archived_products: Count
    archived_bytes: Bytes
    removed_products: Count
    """According to the removal receipts."""
    removed_bytes: Bytes


class StageRow(Wire):
    """How long a stage worked: statistics of the stays in its working status that ended in the night.

    `specify` has no working status, so the stays in `defined` count. If no stay ended, `count` is 0 and the other
    figures are None.
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
    """The rate at which an observing mode writes data, from earlier observations.

    It is in bytes per second of duration and per data product. It is the median over the 100 latest observations
    of the mode that have ended and have known sizes.
    """

    observing_mode: ShortText
    observations: AtLeastOne
    bytes_per_second_per_product: Seconds


class DiskPoint(Wire):
    """The expected free space at a moment. It is negative if the disk cannot hold the planned data."""

    at: Moment
    free_bytes: FreeBytes


class DiskRow(Wire):
    """The disk of a data host, and its forecast.

    The forecast adds the planned data of each observation that is `defined`, `scheduled`, `starting` or `running`
    at the end of the night: the mode's rate (see `VolumeRate`) times the number of products, spread evenly from
    start to end. The forecast includes no removals.
    """

    data_host: ShortText
    total_bytes: Bytes | None
    """According to the last report before the end of the night; None if there was none."""
    free_bytes: Bytes | None
    seen_at: Moment | None
    planned_observations: Count
    """The number of planned observations in the forecast, for the next 14 days."""
    unknown_observations: Count
    """The number of planned observations whose mode has no known rate; they are not in the forecast."""
    planned_bytes: Bytes
    forecast: Annotated[list[DiskPoint], Field(max_length=_POINTS)]
    """One point every 6 hours for 14 days from the end of the night; empty if the free space is not known."""
    full_at: Moment | None
    """When the disk is full; None if it is not full within the forecast."""
    lowest_free_bytes: FreeBytes | None
    """The free space at the end of the forecast."""


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
    """The earliest ones, in the order of `started_at`."""
    failures_count: Count
    failures: Annotated[list[FailureRow], Field(max_length=LONGEST_LIST)]
    """The earliest ones, in the order of `at`."""
    waiting: Annotated[list[WaitingGroup], Field(max_length=len(Status))]
    """In the order of the lifecycle."""
    longest_waiting: Annotated[list[WaitingRow], Field(max_length=LONGEST_WAITING)]
    """The longest first."""
    data_hosts: Annotated[list[DataHostRow], Field(max_length=MOST_HOSTS)]
    """The data hosts on which data were validated, archived or removed, in the order of their names."""
    stages: Annotated[list[StageRow], Field(max_length=len(STAGES))]
    """All five, in the order of the pipeline."""
    slowest: Annotated[list[SlowestRow], Field(max_length=SLOWEST)]
    """The slowest first."""
    volume_rates: Annotated[list[VolumeRate], Field(max_length=MOST_MODES)]
    disks: Annotated[list[DiskRow], Field(max_length=MOST_HOSTS)]
    """The disks that were reported or have planned data, in the order of their names."""

    @model_validator(mode="after")
    def _is_of_a_night_that_has_ended(self) -> Self:
        if self.begins.date() != self.night or self.ends - self.begins != timedelta(hours=24):
            raise ValueError(f"the night of {self.night} must begin on that day and end 24 hours later")
        if self.made_at < self.ends:
            raise ValueError(f"the night of {self.night} has not ended: it ends at {self.ends:%Y-%m-%dT%H:%M:%SZ}")
        return self


class StoredReport(BaseModel):
    """The main figures of a stored night report. They never change, like the report itself."""

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
    """When the first disk is expected to be full; None if no disk is full within the forecast."""
