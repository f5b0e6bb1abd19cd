"""How often a stage's work on data is tried by itself before a person decides."""

import os
from datetime import timedelta
from typing import Any

RETRIES = 5
#: Before the second of them the pause is twice the first, and so on, up to so many times the first. After a clear
#: in Airflow it goes on from there.
LONGEST_PAUSE_FACTOR = 24


def tries() -> dict[str, Any]:
    """Give a task's arguments for that; `ATDB_RETRY_SECONDS` is the first pause, 5 unless set."""
    first_pause = timedelta(seconds=float(os.environ.get("ATDB_RETRY_SECONDS") or 5))
    return {
        "retries": RETRIES,
        "retry_delay": first_pause,
        "retry_exponential_backoff": 2,
        "max_retry_delay": LONGEST_PAUSE_FACTOR * first_pause,
    }
