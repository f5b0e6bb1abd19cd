"""The safety limit: where too much disagrees at once, reconcile may be what is wrong, and it stops itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from airflow.sdk.exceptions import AirflowFailException

from atdb_interface.client import Client
from atdb_interface.events import EventKind
from operators.reconcile.events import event, raise_events

#: With this percentage everything is let through.
RELEASED = 100.0


@dataclass(frozen=True)
class SafetyLimit:
    """Exceeded above `percent` of the observations that were looked at, but by no fewer than `floor` findings."""

    percent: float
    floor: int

    @classmethod
    def of(cls, context: Any) -> Self:
        """Take the run's own: a person who has looked into it lets all through by a run with another."""
        return cls(float(context["params"]["brake_percent"]), int(context["params"]["brake_floor"]))

    def is_exceeded(self, findings: int, looked_at: int) -> bool:
        """Return whether so many findings are too many."""
        if self.percent >= RELEASED:
            return False
        return findings >= self.floor and findings > looked_at * self.percent / 100

    def judge(self, client: Client, name: str, findings: Sequence[str], looked_at: int) -> None:
        """Let a pass act on its findings, or tell operators why it does not, and fail it."""
        if not self.is_exceeded(len(findings), looked_at):
            return
        sentence = (
            f"{name} stopped itself: {len(findings)} findings among {looked_at} observations are more than "
            f"{self.percent:g} %, such as: {findings[0]}. Nothing was put right; where they are true, run the DAG "
            f"reconcile by hand with a higher brake_percent"
        )
        hour = datetime.now(UTC).strftime("%Y-%m-%dT%H")
        raise_events(client, [event(EventKind.BRAKE, f"brake/{name}/{hour}", sentence)])
        raise AirflowFailException(sentence)
