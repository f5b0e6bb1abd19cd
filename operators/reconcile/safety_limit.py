"""The safety limit: if too much disagrees at once, reconcile itself may be wrong, so it stops."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from airflow.sdk.exceptions import AirflowFailException

from atdb_interface.client import Client
from atdb_interface.events import EventKind
from atdb_interface.quantities import count_of
from operators.reconcile.events import event, raise_events

#: This percentage switches the limit off.
RELEASED = 100.0


@dataclass(frozen=True)
class SafetyLimit:
    """`floor` or more findings exceed the limit if they are more than `percent` of the compared observations."""

    percent: float
    floor: int

    @classmethod
    def of(cls, context: Any) -> Self:
        """Return the limit of the run; an operator who has checked the findings can set a higher one."""
        return cls(float(context["params"]["brake_percent"]), int(context["params"]["brake_floor"]))

    def is_exceeded(self, findings: int, looked_at: int) -> bool:
        """Return whether this number of findings exceeds the limit."""
        if self.percent >= RELEASED:
            return False
        return findings >= self.floor and findings > looked_at * self.percent / 100

    def judge(self, client: Client, name: str, findings: Sequence[str], looked_at: int) -> None:
        """Return if a pass may act on its findings; otherwise raise an event and fail the task."""
        if not self.is_exceeded(len(findings), looked_at):
            return
        message = (
            f"{name} stopped itself and changed nothing: {count_of(len(findings), 'finding')} among "
            f"{count_of(looked_at, 'observation')} is more than the limit of {self.percent:g} %. The first is: "
            f"{findings[0].removesuffix('.')}. If the findings are true, trigger the DAG reconcile with a higher "
            "brake_percent."
        )
        hour = datetime.now(UTC).strftime("%Y-%m-%dT%H")
        raise_events(client, [event(EventKind.BRAKE, f"brake/{name}/{hour}", message)])
        raise AirflowFailException(message)
