"""The stages as operators govern them: paused or not, how many at once, and after how long a rest."""

from typing import Annotated

from pydantic import BaseModel, Field

from atdb_interface.base_models import Wire
from atdb_interface.fields import Given, Reason, Time
from atdb_interface.lifecycle import Actor
from atdb_interface.text_values import FLAG, whole

#: A rest before a stage is a year at most.
LONGEST_REST_SECONDS = 366 * 86400


class StageChange(Wire):
    """Pause a stage or let it go on, or change its limits.

    `slots`: so many observations may be claimed or worked on at once, null for no limit. `delay_seconds`: how
    long an observation rests before this stage takes it; before remove, that is the time to call it off.
    """

    paused: Given[Annotated[bool, FLAG]] = None
    slots: Annotated[int, Field(ge=1, le=10_000), whole(1, 10_000)] | None = None
    delay_seconds: Given[Annotated[int, Field(ge=0, le=LONGEST_REST_SECONDS), whole(0, LONGEST_REST_SECONDS)]] = (
        None
    )
    reason: Reason = ""


class StageState(BaseModel):
    """A stage: its settings, and how many observations wait for it, are claimed for it, and are worked on."""

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
