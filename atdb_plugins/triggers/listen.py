"""The trigger of the DAG listen: it creates the runs of the stages without a worker."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from atdb_interface.client.async_client import AsyncClient
from atdb_interface.errors import AtdbError
from atdb_interface.times import LISTEN_HEARTBEAT_SECONDS
from atdb_plugins.airflow_api import AirflowApiError
from atdb_plugins.dispatch import Dispatcher
from atdb_plugins.hooks.airflow import AirflowHook
from atdb_plugins.hooks.atdb import AtdbHook
from atdb_plugins.run_notes import NoteKeeper
from atdb_plugins.stage_dags import DAG_OF

#: The name of the heartbeats in ATDB.
LISTENER = "airflow listen"
#: The time between two searches for waiting observations.
LOOK_SECONDS = 0.25
#: The same, while ATDB or Airflow does not respond or refuses.
PAUSE_SECONDS = 2.0
#: Each day at this hour (UTC), the run of listen ends and the next one starts. Only then does Airflow close the
#: log of the trigger. And maintenance deletes rows of Airflow's tables by their age, even those in use.
ENDS_AT_HOUR = 11


class ObservationDispatchTrigger(BaseTrigger):
    """Create runs of the stages' DAGs for the observations that wait in ATDB, until ENDS_AT_HOUR.

    It raises no exception, because Airflow needs a worker to fail a trigger. Airflow stores the arguments, so they
    hold nothing that a new version or another setting may change.
    """

    def __init__(self, atdb_conn_id: str, airflow_conn_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.atdb_conn_id, self.airflow_conn_id = atdb_conn_id, airflow_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path and arguments with which Airflow creates this trigger again."""
        return f"{__name__}.{type(self).__name__}", {
            "atdb_conn_id": self.atdb_conn_id,
            "airflow_conn_id": self.airflow_conn_id,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Dispatch; at the end, yield the event that ends the task without a worker."""
        ends_at = time.monotonic() + _seconds_until_end(datetime.now(UTC))
        while time.monotonic() < ends_at:
            try:
                await self._listen(ends_at)
            except Exception as error:  # such as a missing connection
                self.log.exception("listen starts again in %s s: %s", PAUSE_SECONDS, error)
                await asyncio.sleep(PAUSE_SECONDS)
        yield TaskSuccessEvent()

    async def _listen(self, ends_at: float) -> None:
        async with AsyncExitStack() as stack:
            atdb = await stack.enter_async_context(await AtdbHook(self.atdb_conn_id).async_client())
            airflow = await stack.enter_async_context(await AirflowHook(self.airflow_conn_id).async_client())
            dispatcher = Dispatcher(atdb, airflow)
            beside = [
                asyncio.create_task(self._send_heartbeats(atdb, dispatcher)),
                asyncio.create_task(NoteKeeper(atdb, airflow).keep()),
            ]
            try:
                while time.monotonic() < ends_at:
                    await asyncio.sleep(await self._step(dispatcher))
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)

    async def _step(self, dispatcher: Dispatcher) -> float:
        """Dispatch the waiting observations; return how many seconds to wait before the next time."""
        try:
            return 0.0 if await dispatcher.step() else LOOK_SECONDS
        except (AtdbError, AirflowApiError) as error:
            self.log.warning("Cannot create runs now; the next attempt follows in %s s: %s", PAUSE_SECONDS, error)
            return PAUSE_SECONDS

    async def _send_heartbeats(self, atdb: AsyncClient, dispatcher: Dispatcher) -> None:
        """Send heartbeats, and new problems at once, without delaying or ending the dispatching."""
        sent_at, sent = float("-inf"), dispatcher.troubles
        while True:
            troubles = dispatcher.troubles
            if troubles != sent or time.monotonic() - sent_at > LISTEN_HEARTBEAT_SECONDS:
                try:
                    await atdb.sign_of_life(LISTENER, statuses=list(DAG_OF), troubles=troubles)
                    sent_at, sent = time.monotonic(), troubles
                except Exception as error:  # heartbeats must not end before the listener
                    self.log.warning("Cannot send a heartbeat to ATDB now: %s", error)
            await asyncio.sleep(1.0)


#: The path in Airflow's database of triggers from earlier versions. Delete this line in version 0.2.0.
ListenTrigger = ObservationDispatchTrigger


def _seconds_until_end(now: datetime) -> float:
    end = now.replace(hour=ENDS_AT_HOUR, minute=0, second=0, microsecond=0)
    return ((end if end > now else end + timedelta(days=1)) - now).total_seconds()
