"""The trigger of the DAG listen: it creates the stages' runs, and needs no worker."""

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

#: Under this name ATDB knows the heartbeats.
LISTENER = "airflow listen"
#: Between two looks at what waits.
LOOK_SECONDS = 0.25
#: While ATDB or Airflow does not respond, or refuses.
PAUSE_SECONDS = 2.0
#: Each day at this hour (UTC) the run of listen ends and the next begins: a trigger's log is closed only then, and
#: the maintenance of Airflow's tables deletes rows by their age, whether they are in use or not.
ENDS_AT_HOUR = 11


class ObservationDispatchTrigger(BaseTrigger):
    """Dispatch what waits in ATDB to runs of the stages' DAGs, until the day's end.

    No exception leaves it, as a failed trigger needs a worker to fail. Its arguments are frozen in Airflow's
    database, so they hold nothing that a new version or another setting may change.
    """

    def __init__(self, atdb_conn_id: str, airflow_conn_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.atdb_conn_id, self.airflow_conn_id = atdb_conn_id, airflow_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return how Airflow makes this trigger again."""
        return f"{__name__}.{type(self).__name__}", {
            "atdb_conn_id": self.atdb_conn_id,
            "airflow_conn_id": self.airflow_conn_id,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Dispatch; yield once, at the end, the event that ends the task without a worker."""
        ends_at = time.monotonic() + _seconds_until_end(datetime.now(UTC))
        while time.monotonic() < ends_at:
            try:
                await self._listen(ends_at)
            except Exception as error:  # such as a connection that is not set up
                self.log.exception("listen begins again in %s s: %s", PAUSE_SECONDS, error)
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
        """Dispatch what waits; return for how many seconds to wait before the next look."""
        try:
            return 0.0 if await dispatcher.step() else LOOK_SECONDS
        except (AtdbError, AirflowApiError) as error:
            self.log.warning("Nothing is dispatched now: %s", error)
            return PAUSE_SECONDS

    async def _send_heartbeats(self, atdb: AsyncClient, dispatcher: Dispatcher) -> None:
        """Send heartbeats beside the dispatching, which they must neither delay nor end; a new trouble at once."""
        sent_at, sent = float("-inf"), dispatcher.troubles
        while True:
            troubles = dispatcher.troubles
            if troubles != sent or time.monotonic() - sent_at > LISTEN_HEARTBEAT_SECONDS:
                try:
                    await atdb.sign_of_life(LISTENER, statuses=list(DAG_OF), troubles=troubles)
                    sent_at, sent = time.monotonic(), troubles
                except Exception as error:  # heartbeats never end before the listener does
                    self.log.warning("No heartbeat was sent: %s", error)
            await asyncio.sleep(1.0)


#: The path under which earlier versions have stored it in Airflow's database. Delete this line in version 0.2.0.
ListenTrigger = ObservationDispatchTrigger


def _seconds_until_end(now: datetime) -> float:
    end = now.replace(hour=ENDS_AT_HOUR, minute=0, second=0, microsecond=0)
    return ((end if end > now else end + timedelta(days=1)) - now).total_seconds()
