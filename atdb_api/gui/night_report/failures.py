"""The failures of a night by their cause, and the outcome of each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from atdb_api.reads.causes import cause_key
from atdb_interface.lifecycle import Actor, Status
from atdb_interface.night_reports import FailureRow
from atdb_interface.reasons import without_code


@dataclass(frozen=True)
class FailureGroup:
    """Failures of a stage with the same status and the same cause, in the order of time."""

    stage: Actor
    status: Status
    failures: Sequence[FailureRow]

    @property
    def count(self) -> int:
        """Return the number of failures."""
        return len(self.failures)

    @property
    def first(self) -> datetime:
        """Return when the first of them failed."""
        return self.failures[0].at

    @property
    def last(self) -> datetime:
        """Return when the last of them failed."""
        return self.failures[-1].at

    @property
    def example(self) -> str:
        """Return the reason of the first of them, without its code."""
        return without_code(self.failures[0].reason)

    @property
    def unresolved(self) -> int:
        """Return how many observations still had the error status at the end of the night."""
        return len(unresolved(self.failures))

    @property
    def outcomes(self) -> list[tuple[Status, list[FailureRow]]]:
        """Return each status at the end of the night with the observations that had it, unresolved ones first."""
        of_each: dict[Status, dict[str, FailureRow]] = {}
        for each in self.failures:
            of_each.setdefault(each.status, {}).setdefault(each.taskID, each)
        in_order = sorted(of_each, key=lambda status: (status is not self.status, list(Status).index(status)))
        return [(status, list(of_each[status].values())) for status in in_order]


def failure_groups(failures: Iterable[FailureRow]) -> list[FailureGroup]:
    """Group failures by cause. Causes with the most unresolved failures come first, then the most frequent."""
    by_cause: dict[tuple[Actor, Status, tuple[str, str]], list[FailureRow]] = {}
    for each in sorted(failures, key=lambda each: (each.at, each.taskID)):
        by_cause.setdefault((each.stage, each.failed_status, cause_key(each.reason)), []).append(each)
    causes = [FailureGroup(stage, status, members) for (stage, status, _), members in by_cause.items()]
    return sorted(causes, key=lambda cause: (-cause.unresolved, -cause.count, cause.first, cause.example))


def unresolved(failures: Iterable[FailureRow]) -> Counter[str]:
    """Count the failures of each observation that still had an error status at the end of the night."""
    return Counter(each.taskID for each in failures if each.status is each.failed_status)
