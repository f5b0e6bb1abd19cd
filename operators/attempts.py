"""Which attempt of its work a task makes."""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from airflow.sdk import BaseOperator


@dataclass(frozen=True)
class Attempt:
    """An attempt of a task; by default the only one, which no process supervises.

    `number` of `most`: counted by Airflow over all clears. `retry_seconds`: the next one comes at most that much
    later.
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

    @classmethod
    def of(cls, context: Any, operator: BaseOperator) -> Self:
        """Return the attempt that Airflow makes; the first after a person cleared the task is a first one too."""
        number, last = context["ti"].try_number, context["ti"].max_tries
        delay = _seconds(operator.retry_delay)
        if operator.retry_exponential_backoff:
            # Airflow's is between the power and twice that.
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
