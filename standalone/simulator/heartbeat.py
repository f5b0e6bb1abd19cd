"""Send ATDB heartbeats of the simulator, with the number of its observations in each state."""

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
    """Send a heartbeat every 30 s until the simulator ends; a failed one is only logged."""
    while True:
        counts = Counter(task.state for task in logbook.tasks())
        detail = ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "no observations"
        try:
            client.sign_of_life(NAME, detail=detail)
        except AtdbError as error:
            log.debug("heartbeat failed: %s", error)
        if ended.wait(SIMULATOR_HEARTBEAT_SECONDS):
            return
