"""The paths of triggers that earlier versions have stored in Airflow's database, kept for one release.

A task deferred by an earlier version, or a run started by one, names its trigger by one of these paths.
Delete this module in version 0.2.0.
"""

from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from atdb_plugins.triggers.observation import (
    ObservationCompletingTrigger,
    ObservationStartTrigger,
    ObservationTurnTrigger,
)

TurnTrigger = ObservationTurnTrigger
StartTrigger = ObservationStartTrigger
CompletingTrigger = ObservationCompletingTrigger


class WaitingTrigger(BaseTrigger):
    """End the run of listen that an earlier version has started; the next run has the new trigger."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.arguments = arguments

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path and arguments with which Airflow creates this trigger again."""
        return f"{__name__}.{type(self).__name__}", self.arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield at once the event that ends the task without a worker."""
        yield TaskSuccessEvent()
