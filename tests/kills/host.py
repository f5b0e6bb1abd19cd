"""`python -m tests.kills.host`: the trigger of listen in its own process, which restarts fast after a kill."""

import asyncio
import logging

from atdb_plugins.hooks.atdb import AtdbHook
from atdb_plugins.triggers.listen import ObservationDispatchTrigger
from operators.listen import AIRFLOW_CONN_ID


async def main() -> None:
    """Run the trigger as the triggerer does, until killed."""
    trigger = ObservationDispatchTrigger(AtdbHook.default_conn_name, AIRFLOW_CONN_ID)
    async for _ in trigger.run():
        return


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    print("begins", flush=True)
    asyncio.run(main())
