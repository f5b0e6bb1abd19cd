"""How often a stage's work on data is tried by itself before a person decides."""

import os
from datetime import timedelta
from typing import Any

#: Once, and then again after this, twice this, ... up to two minutes.
RETRIES = 5
LONGEST_PAUSE = timedelta(minutes=2)


def tries() -> dict[str, Any]:
    """Give a task's arguments for that; `ATDB_RETRY_SECONDS` is the first pause, 5 unless set."""
    return {
        "retries": RETRIES,
        "retry_delay": timedelta(seconds=float(os.environ.get("ATDB_RETRY_SECONDS") or 5)),
        "retry_exponential_backoff": 2,
        "max_retry_delay": LONGEST_PAUSE,
    }
