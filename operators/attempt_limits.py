"""How often a stage's work on data is tried by itself before a person decides."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

RETRIES = 5
MOST_SECONDS = 86_400
#: Before the second of them the pause is twice the first, and so on, up to so many times the first. After a clear
#: in Airflow it goes on from there.
LONGEST_PAUSE_FACTOR = 24


def first_pause(environment: Mapping[str, str] = os.environ) -> timedelta:
    """Return the pause that is set. Raises ValueError if it is not a number of seconds of at most a day."""
    text = environment.get("ATDB_RETRY_SECONDS") or "5"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= MOST_SECONDS:
        raise ValueError(f"ATDB_RETRY_SECONDS must be a number of seconds from 0 to {MOST_SECONDS}, not {text!r}")
    return timedelta(seconds=seconds)


def tries() -> dict[str, Any]:
    """Give a task's arguments for that; `ATDB_RETRY_SECONDS` is the first pause, 5 unless set."""
    pause = first_pause()
    return {
        "retries": RETRIES,
        "retry_delay": pause,
        "retry_exponential_backoff": 2,
        "max_retry_delay": LONGEST_PAUSE_FACTOR * pause,
    }
