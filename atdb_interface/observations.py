"""Observations, with the field names that clients of Apertif's ATDB know."""

import json
from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.config import JsonDict

from atdb_interface import expected_durations
from atdb_interface.actions import Action
from atdb_interface.base_models import FORCE_HAS_A_REASON, Forcible, Returned, Wire
from atdb_interface.characters import holds_refused_in_lines
from atdb_interface.field_errors import field_error
from atdb_interface.fields import (
    LATEST,
    LONGEST_SECONDS,
    LONGEST_TEXT,
    BeamNumber,
    Collection,
    DataLocation,
    FiniteFloat,
    Flag,
    Given,
    Name,
    ObservingMode,
    Options,
    SmallInt,
    SpecifiedTime,
    Telescopes,
    Text,
    Time,
)
from atdb_interface.instruments import instrument
from atdb_interface.instruments.field_types import read_known_options
from atdb_interface.lifecycle import Status
from atdb_interface.text_values import NUMBER
from atdb_interface.transitions import Transition


class ObservationFields(Wire):
    """The fields of an observation that a specification can set. Angles are in degrees, frequencies in MHz."""

    name: Name | None = None
    task_type: Name = "observation"
    process_type: Name = "observation"
    field_ra: Annotated[FiniteFloat, Field(ge=0, lt=360), NUMBER] | None = None
    field_ha: Annotated[FiniteFloat, Field(ge=-180, le=180), NUMBER] | None = None
    field_dec: Annotated[FiniteFloat, Field(ge=-90, le=90), NUMBER] | None = None
    field_beam: BeamNumber | None = None
    beamPattern: Text | None = None
    integration_factor: SmallInt | None = None
    central_frequency: Annotated[FiniteFloat, Field(gt=0, le=10**12), NUMBER] | None = None
    start_band: SmallInt | None = None
    end_band: SmallInt | None = None
    telescopes: Telescopes | None = None
    science_mode: Name | None = None
    number_of_bins: SmallInt | None = None
    par_file_name: Text | None = None
    parset_location: Text | None = None
    data_location: DataLocation | None = None
    node: Name | None = None
    irods_collection: Collection | None = None
    control_parameters: Text | None = None
    skip_auto_ingest: Flag = False
    priority: Annotated[int, Field(ge=-1000, le=1000), NUMBER] = 0
    """The observation with the highest priority is available to claim first."""
    options: Options = Field(default_factory=dict)
    """The options of the specification for which there is no other field."""

    @model_validator(mode="after")
    def _options_are_readable(self) -> Self:
        if len(json.dumps(self.options)) > LONGEST_TEXT or holds_refused_in_lines(self.options):
            raise field_error(
                "options", f"must have at most {LONGEST_TEXT} characters as JSON, and no control characters"
            )
        self.options.update(read_known_options(self.options))
        return self


class NewObservation(ObservationFields):
    """A specification: the body of the POST that creates an observation."""

    field_name: Name
    observing_mode: ObservingMode
    starttime: SpecifiedTime
    endtime: SpecifiedTime | None = None
    duration: Annotated[int, Field(ge=1, le=LONGEST_SECONDS), NUMBER] | None = None

    @model_validator(mode="after")
    def _start_end_and_duration_agree(self) -> Self:
        if self.endtime is None:
            if self.duration is None:
                raise ValueError("give endtime or duration")
            if self.duration > (LATEST - self.starttime).total_seconds():
                raise ValueError("the end must be in the years 1971 to 2198")
            self.endtime = self.starttime + timedelta(seconds=self.duration)
        seconds = int((self.endtime - self.starttime).total_seconds())
        if seconds <= 0:
            raise ValueError("the end is not after the start")
        if self.duration is not None and self.duration != seconds:
            raise ValueError(f"duration is {self.duration} s, but the time from start to end is {seconds} s")
        self.duration = seconds
        return self


_ONE_MOVE: JsonDict = {
    "not": {
        "properties": {"new_status": {"type": "string"}, "action": {"type": "string"}},
        "required": ["new_status", "action"],
    }
}


class ObservationChange(ObservationFields, Forcible):
    """A change of some fields of an observation, and its next status: the body of a PUT or PATCH.

    `action`: instead of `new_status`, the action to take. It leads to a status that depends on the present one.
    """

    model_config = ConfigDict(json_schema_extra={**FORCE_HAS_A_REASON, **_ONE_MOVE})

    name: Given[Name] = None
    data_location: Given[DataLocation] = None
    field_name: Given[Name] = None
    starttime: Given[SpecifiedTime] = None
    endtime: Given[SpecifiedTime] = None
    new_status: Status | None = None
    action: Action | None = None

    @model_validator(mode="after")
    def _asks_for_one_move(self) -> Self:
        if self.new_status and self.action:
            raise ValueError("give new_status or action, not both")
        return self


class Observation(Returned):
    """An observation as ATDB returns it."""

    id: int
    taskID: str
    name: str
    task_type: str
    process_type: str
    observing_mode: str
    my_status: Status
    new_status: Status
    status_history: list[Transition]
    """Oldest first."""
    status_since: Time
    claimed_until: Time | None
    """The time until which its consumer can begin the work; None if it is not claimed."""
    creationTime: Time
    created_by: str | None = None
    """The account that has specified it."""
    starttime: Time
    endtime: Time
    duration: int
    field_name: str
    field_ra: float | None
    field_dec: float | None
    field_ha: float | None
    field_beam: int | None
    beamPattern: str | None
    integration_factor: int | None
    central_frequency: float | None
    start_band: int | None
    end_band: int | None
    telescopes: str | None
    science_mode: str | None
    number_of_bins: int | None
    par_file_name: str | None
    parset_location: str | None
    data_location: str
    node: str | None
    irods_collection: str | None
    control_parameters: str | None
    skip_auto_ingest: bool
    options: dict[str, JsonValue]
    priority: int
    generated_dataproducts: list[int]
    """The ids of the observation's data products."""

    def status_after_timeout(self, now: datetime) -> Status | None:
        """Return the next status if the observation is running and its end is not reported, or None."""
        if self.my_status is not Status.RUNNING:
            return None
        return expected_durations.status_after_timeout(
            completes_after=instrument().mode(self.observing_mode).completes_after,
            end=self.endtime,
            since=self.status_history[-1].timestamp,
            now=now,
        )


class Why(BaseModel):
    """The reason why the status of an observation does not change, as a text for operators."""

    taskID: str
    my_status: Status
    since: Time
    why: str
