"""Say to ATDB every now and then that the simulator is there, and what it does."""

import logging
from collections import Counter
from threading import Event

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError
from atdb_interface.times import SIMULATOR_HEARTBEAT_SECONDS
from standalone.simulator.task_memory import TaskMemory

NAME = "telescope simulator"

log = logging.getLogger(__name__)


def keep_saying(client: Client, logbook: TaskMemory, ended: Event) -> None:
    """Give a sign of life every 30 s until the end; ATDB may be down meanwhile."""
    while True:
        counts = Counter(task.state for task in logbook.tasks())
        detail = ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "no tasks"
        try:
            client.sign_of_life(NAME, detail=detail)
        except AtdbError as error:
            log.debug("no sign of life: %s", error)
        if ended.wait(SIMULATOR_HEARTBEAT_SECONDS):
            return
