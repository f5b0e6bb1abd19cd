"""Triggers that wait until an observation is due. They change nothing, so a killed triggerer loses nothing."""

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
from atdb_plugins.completing_timeout import ending, is_worth_asking
from atdb_plugins.hooks.atdb import AtdbHook
from atdb_plugins.hooks.telescope import TelescopeError, TelescopeHook, TelescopeTask

#: While ATDB cannot be reached, and while something outside is awaited.
PAUSE_SECONDS = 2.0
#: While the telescope has an observation: a cancel must reach it in seconds.
LOOK_SECONDS = 3.0
#: Times may be edited meanwhile, so no trigger sleeps longer without looking again.
LONGEST_SLEEP_SECONDS = 60.0


class ObservationTrigger(BaseTrigger):
    """Look at one observation until it is due: a subclass says when."""

    atdb: AsyncClient

    def __init__(self, atdb_conn_id: str, atdb_task_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.atdb_conn_id, self.atdb_task_id = atdb_conn_id, atdb_task_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Tell Airflow how to make this trigger again."""
        return f"{__name__}.{type(self).__name__}", {
            "atdb_conn_id": self.atdb_conn_id,
            "atdb_task_id": self.atdb_task_id,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield once, when the observation is due, or at once where there is no such observation."""
        async with await AtdbHook(self.atdb_conn_id).async_client() as self.atdb:
            while True:
                try:
                    observation = await self.atdb.observation(self.atdb_task_id)
                    if event := await self.due(observation, datetime.now(UTC)):
                        yield event
                        return
                    await asyncio.sleep(self.pause_seconds(observation, datetime.now(UTC)))
                except NotFound:
                    yield TriggerEvent("no such observation")
                    return
                except AtdbError as error:
                    self.log.warning("%s", error)
                    await asyncio.sleep(PAUSE_SECONDS)

    @abstractmethod
    async def due(self, observation: Observation, now: datetime) -> TriggerEvent | None:
        """Give the event, or None while it is not yet due."""

    @abstractmethod
    def pause_seconds(self, observation: Observation, now: datetime) -> float:
        """Tell how long to sleep before looking again."""


def has_turn(observation: Observation, now: datetime, *, is_busy: bool) -> bool:
    """Return whether an observation's turn at the telescope has come, or it is no longer scheduled.

    `is_busy`: whether the telescope has another observation.
    """
    if observation.my_status is not Status.SCHEDULED:
        return True
    return now >= observation.starttime - (START_LEAD_BUSY if is_busy else START_LEAD)


class ObservationTurnTrigger(ObservationTrigger):
    """Wait for an observation's turn at the telescope: before its start, and later while another is busy there."""

    async def due(self, observation: Observation, now: datetime) -> TriggerEvent | None:
        """Fire when the turn has come, or the observation is no longer scheduled."""
        is_busy = bool(await self.atdb.count_observations(my_status__in=AT_THE_TELESCOPE))
        return TriggerEvent(observation.my_status) if has_turn(observation, now, is_busy=is_busy) else None

    def pause_seconds(self, observation: Observation, now: datetime) -> float:
        """Look every few seconds: the telescope may become free at any moment."""
        return _sleep(observation.starttime - START_LEAD - now, least=PAUSE_SECONDS)


class ObservationStartTrigger(ObservationTrigger):
    """Wait for the start of an observation that the telescope has."""

    async def due(self, observation: Observation, now: datetime) -> TriggerEvent | None:
        """Fire when the start has come, or the observation is no longer starting."""
        gone = observation.my_status is not Status.STARTING
        return TriggerEvent(observation.my_status) if gone or now >= observation.starttime else None

    def pause_seconds(self, observation: Observation, now: datetime) -> float:
        """Sleep until the start, but look every few seconds."""
        return _sleep(observation.starttime - now, longest=LOOK_SECONDS)


class ObservationCompletingTrigger(ObservationTrigger):
    """Wait until the data writer has said that the observation is completing, or the backstop is due."""

    def __init__(self, atdb_conn_id: str, atdb_task_id: str, telescope_conn_id: str) -> None:
        super().__init__(atdb_conn_id, atdb_task_id)
        self.telescope_conn_id = telescope_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Tell Airflow how to make this trigger again."""
        path, arguments = super().serialize()
        return path, {**arguments, "telescope_conn_id": self.telescope_conn_id}

    async def due(self, observation: Observation, now: datetime) -> TriggerEvent | None:
        """End the task, without a worker, where the observation has gone on; fire where there is something to do.

        A worker that finds it must wait on after all costs a try, so the telescope is asked here already.
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
        """Look every few seconds."""
        return LOOK_SECONDS

    async def _ask_telescope(self) -> TelescopeTask | None:
        try:
            return await asyncio.to_thread(TelescopeHook(self.telescope_conn_id).task, self.atdb_task_id)
        except TelescopeError as error:
            self.log.warning("%s", error)
            return None


def _sleep(duration: timedelta, *, least: float = 0.05, longest: float = LONGEST_SLEEP_SECONDS) -> float:
    return min(max(duration.total_seconds(), least), longest)
