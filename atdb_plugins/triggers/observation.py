"""Triggers that wait until an observation is due. A killed triggerer loses nothing: its triggers run again.

They read, and they stop the telescope after a cancel. So a cancel needs no worker; the worker that follows repeats
the stop.
"""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from atdb_interface.client.async_client import AsyncClient
from atdb_interface.errors import AtdbError, NotFound
from atdb_interface.lifecycle import AT_THE_TELESCOPE, OBSERVED, START_LEAD, START_LEAD_BUSY, Status
from atdb_interface.observations import Observation
from atdb_plugins.cancellation import is_cancelled_at_telescope
from atdb_plugins.completing_timeout import ending, is_worth_asking
from atdb_plugins.hooks.atdb import AtdbHook
from atdb_plugins.hooks.telescope import TelescopeError, TelescopeHook, TelescopeTask

#: The pause while ATDB does not respond, and while the telescope is busy.
PAUSE_SECONDS = 2.0
#: The pause while the telescope has the observation: a cancel must reach the telescope in seconds.
LOOK_SECONDS = 3.0
#: No trigger sleeps longer than this, because the times of an observation can be changed.
LONGEST_SLEEP_SECONDS = 60.0


class ObservationTrigger(BaseTrigger):
    """Read one observation until it is due; a subclass defines when."""

    atdb: AsyncClient

    def __init__(self, atdb_conn_id: str, atdb_task_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.atdb_conn_id, self.atdb_task_id = atdb_conn_id, atdb_task_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path and arguments with which Airflow creates this trigger again."""
        return f"{__name__}.{type(self).__name__}", {
            "atdb_conn_id": self.atdb_conn_id,
            "atdb_task_id": self.atdb_task_id,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield once, when the observation is due, or at once if it does not exist."""
        async with await AtdbHook(self.atdb_conn_id).async_client() as self.atdb:
            while True:
                try:
                    observation = await self.atdb.observation(self.atdb_task_id)
                    if event := await self.due(observation, datetime.now(UTC)):
                        await self.stop_if_cancelled(observation)
                        yield event
                        return
                    await asyncio.sleep(self.pause_seconds(observation, datetime.now(UTC)))
                except NotFound:
                    yield TriggerEvent("no such observation")
                    return
                except AtdbError as error:
                    self.log.warning("%s", error)
                    await asyncio.sleep(PAUSE_SECONDS)

    async def stop_if_cancelled(self, observation: Observation) -> None:
        """Stop the telescope if it may have an observation that was cancelled."""

    @abstractmethod
    async def due(self, observation: Observation, now: datetime) -> TriggerEvent | None:
        """Return the event, or None if the observation is not due yet."""

    @abstractmethod
    def pause_seconds(self, observation: Observation, now: datetime) -> float:
        """Return how many seconds to sleep before the next read."""


def has_turn(observation: Observation, now: datetime, *, is_busy: bool) -> bool:
    """Return whether it is the observation's turn at the telescope, or it is no longer scheduled.

    `is_busy`: whether the telescope has another observation.
    """
    if observation.my_status is not Status.SCHEDULED:
        return True
    return now >= observation.starttime - (START_LEAD_BUSY if is_busy else START_LEAD)


class ObservationTurnTrigger(ObservationTrigger):
    """Wait for an observation's turn at the telescope: before its start, later if the telescope is busy."""

    async def due(self, observation: Observation, now: datetime) -> TriggerEvent | None:
        """Fire when it is the observation's turn, or when it is no longer scheduled."""
        is_busy = bool(await self.atdb.count_observations(my_status__in=AT_THE_TELESCOPE))
        return TriggerEvent(observation.my_status) if has_turn(observation, now, is_busy=is_busy) else None

    def pause_seconds(self, observation: Observation, now: datetime) -> float:
        """Read every few seconds, because the telescope may become free at any moment."""
        return _sleep(observation.starttime - START_LEAD - now, least=PAUSE_SECONDS)


class AtTheTelescopeTrigger(ObservationTrigger):
    """Wait while the telescope has an observation, and stop the telescope after a cancel."""

    def __init__(
        self, atdb_conn_id: str, atdb_task_id: str, telescope_conn_id: str = TelescopeHook.default_conn_name
    ) -> None:
        super().__init__(atdb_conn_id, atdb_task_id)
        self.telescope_conn_id = telescope_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path and arguments with which Airflow creates this trigger again."""
        path, arguments = super().serialize()
        return path, {**arguments, "telescope_conn_id": self.telescope_conn_id}

    async def stop_if_cancelled(self, observation: Observation) -> None:
        """Stop the telescope here, because a worker may begin seconds later; it repeats the stop."""
        if not is_cancelled_at_telescope(observation):
            return
        try:
            await asyncio.to_thread(TelescopeHook(self.telescope_conn_id).stop, self.atdb_task_id)
        except TelescopeError as error:
            self.log.warning("%s", error)
        else:
            self.log.info("%s has status %s. The telescope was stopped", self.atdb_task_id, observation.my_status)


class ObservationStartTrigger(AtTheTelescopeTrigger):
    """Wait for the start time of an observation that the telescope has."""

    async def due(self, observation: Observation, now: datetime) -> TriggerEvent | None:
        """Fire at the start time, or when the observation is no longer starting."""
        gone = observation.my_status is not Status.STARTING
        return TriggerEvent(observation.my_status) if gone or now >= observation.starttime else None

    def pause_seconds(self, observation: Observation, now: datetime) -> float:
        """Sleep until the start time, but read every few seconds."""
        return _sleep(observation.starttime - now, longest=LOOK_SECONDS)


class ObservationCompletingTrigger(AtTheTelescopeTrigger):
    """Wait until the data writer reports that the observation is completing, or until the timeout fallback."""

    async def due(self, observation: Observation, now: datetime) -> TriggerEvent | None:
        """End the task without a worker if the observation has completed; fire if there is something to do.

        The trigger queries the telescope, because each attempt of a worker that must wait again would count.
        """
        if observation.my_status in OBSERVED:
            return TaskSuccessEvent()
        if observation.my_status is not Status.RUNNING:
            return TriggerEvent(observation.my_status)
        if not is_worth_asking(observation, now):
            return None
        return (
            TriggerEvent(observation.my_status) if ending(observation, await self._ask_telescope(), now) else None
        )

    def pause_seconds(self, observation: Observation, now: datetime) -> float:  # noqa: ARG002
        """Read every few seconds."""
        return LOOK_SECONDS

    async def _ask_telescope(self) -> TelescopeTask | None:
        try:
            return await asyncio.to_thread(TelescopeHook(self.telescope_conn_id).task, self.atdb_task_id)
        except TelescopeError as error:
            self.log.warning("%s", error)
            return None


def _sleep(duration: timedelta, *, least: float = 0.05, longest: float = LONGEST_SLEEP_SECONDS) -> float:
    return min(max(duration.total_seconds(), least), longest)
