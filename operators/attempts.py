"""The attempts of a task: which one is running, and how many Airflow makes before an operator must decide."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from atdb_interface.fields import write_time

if TYPE_CHECKING:  # the start of the stack checks settings here, without the slow import of Airflow
    from airflow.sdk import BaseOperator

#: How often Airflow repeats a stage's work on data before an operator has to decide.
AUTOMATIC_RETRIES = 5
MOST_SECONDS = 86_400
#: Each pause is twice the one before, up to this many times the first. A clear in Airflow resets nothing.
LONGEST_PAUSE_FACTOR = 24


@dataclass(frozen=True)
class Attempt:
    """An attempt of a task; by default the only one, which no process supervises.

    `number` of `most`: Airflow continues to count after a clear. `retry_seconds`: the maximum time until the next
    attempt.
    """

    number: int = 1
    most: int = 1
    is_first: bool = True
    retry_seconds: float = 0.0
    supervisor: int | None = None

    @property
    def is_last(self) -> bool:
        """Return whether Airflow makes no other attempt after this one."""
        return self.number >= self.most

    def next_begins(self, now: datetime) -> str:
        """Format when Airflow begins the next attempt, if this one fails now: the latest time."""
        latest = write_time(now + timedelta(seconds=self.retry_seconds))
        return f"Airflow begins attempt {self.number + 1} of {self.most} by {latest}"

    @classmethod
    def of(cls, context: Any, operator: "BaseOperator") -> Self:
        """Return the running attempt; the first one after a clear in Airflow counts as a first one."""
        number, last = context["ti"].try_number, context["ti"].max_tries
        delay = _seconds(operator.retry_delay)
        if operator.retry_exponential_backoff:
            # Airflow's delay is between the power and twice the power.
            delay *= 2 * operator.retry_exponential_backoff ** (number - 1)
        if operator.max_retry_delay is not None:
            delay = min(delay, _seconds(operator.max_retry_delay))
        return cls(
            number=number,
            most=last + 1,
            is_first=last - number >= (operator.retries or 0) - 1,
            retry_seconds=delay,
            supervisor=os.getppid(),
        )


def _seconds(delay: timedelta | float) -> float:
    return delay.total_seconds() if isinstance(delay, timedelta) else delay


def first_pause(environment: Mapping[str, str] = os.environ) -> timedelta:
    """Return the first pause that is set. Raises ValueError unless it is a number of seconds, a day at most."""
    text = environment.get("ATDB_RETRY_SECONDS") or "5"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= MOST_SECONDS:
        raise ValueError(f"ATDB_RETRY_SECONDS must be a number of seconds from 0 to {MOST_SECONDS}, not {text!r}")
    return timedelta(seconds=seconds)


def attempt_limits() -> dict[str, Any]:
    """Return the arguments of a task that works on data; `ATDB_RETRY_SECONDS` is the first pause, 5 by default."""
    pause = first_pause()
    return {
        "retries": AUTOMATIC_RETRIES,
        "retry_delay": pause,
        "retry_exponential_backoff": 2,
        "max_retry_delay": LONGEST_PAUSE_FACTOR * pause,
    }
