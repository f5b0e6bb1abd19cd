"""The settings of stages that operators control: pause, concurrency limit and delay."""

from typing import Annotated

from pydantic import BaseModel, Field

from atdb_interface.base_models import Wire
from atdb_interface.fields import Given, Reason, Time
from atdb_interface.lifecycle import Actor
from atdb_interface.text_values import FLAG, NUMBER

#: The longest delay before a stage: one year.
LONGEST_DELAY_SECONDS = 366 * 86400


class StageChange(Wire):
    """A change of a stage: pause or resume it, or change its limits.

    `slots`: the maximum number of observations that are claimed or in progress at a time; null for no limit.
    `delay_seconds`: how long an observation waits before this stage. Before remove, an operator can prevent the
    removal during this time.
    """

    paused: Given[Annotated[bool, FLAG]] = None
    slots: Annotated[int, Field(ge=1, le=10_000), NUMBER] | None = None
    delay_seconds: Given[Annotated[int, Field(ge=0, le=LONGEST_DELAY_SECONDS), NUMBER]] = None
    reason: Reason = ""


class StageState(BaseModel):
    """A stage: its settings, and the numbers of observations that are waiting, claimed and in progress."""

    stage: Actor
    paused: bool
    paused_by: str | None
    paused_at: Time | None
    pause_reason: str | None
    slots: int | None
    delay_seconds: int
    waiting: int
    claimed: int
    working: int
