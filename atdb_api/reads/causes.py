"""Group what needs a person by its cause: the same status, and the same reason but for names and numbers."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from atdb_interface.actions import REMEDIES, Action
from atdb_interface.lifecycle import Status

#: A cause has at most this many characters; later ones are ignored.
LONGEST_CAUSE = 200
_WORDS = re.compile(r"[^\s,;()\[\]]+|[\s,;()\[\]]+")
#: What differs between failures of one cause: words with a digit or a slash.
_PARTICULAR = re.compile(r"[\d/]")
_SEVERAL = re.compile(r"…(?:[\s,]*…)+")


@dataclass(frozen=True)
class AttentionTask:
    """An observation that needs attention, and why."""

    task_id: str
    status: Status
    since: datetime
    reason: str


@dataclass(frozen=True)
class AttentionGroup:
    """The observations that need attention for one cause, oldest first.

    `example`: the reason of the oldest. `remedy`: the action that solves it for all.
    """

    status: Status
    cause: str
    example: str
    oldest: datetime
    task_ids: list[str]
    remedy: Action

    @property
    def count(self) -> int:
        """Return the number of observations."""
        return len(self.task_ids)


def cause_of(reason: str) -> str:
    """Leave out of a reason what only one failure has: numbers, taskIDs, names of files, paths."""
    words = (_general(word) for word in _WORDS.findall(" ".join(reason.split())))
    return _SEVERAL.sub("…", "".join(words))[:LONGEST_CAUSE]


def _general(word: str) -> str:
    if not _PARTICULAR.search(word):
        return word
    return "…:" if word.endswith(":") else "…"


def grouped(tasks: Iterable[AttentionTask]) -> list[AttentionGroup]:
    """Group by cause; the cause of most comes first."""
    members: dict[tuple[Status, str], list[AttentionTask]] = {}
    for task in tasks:
        members.setdefault((task.status, cause_of(task.reason)), []).append(task)
    groups = [_group(status, cause, of_cause) for (status, cause), of_cause in members.items()]
    return sorted(groups, key=lambda group: (-group.count, group.oldest))


def _group(status: Status, cause: str, tasks: Sequence[AttentionTask]) -> AttentionGroup:
    in_order = sorted(tasks, key=lambda task: (task.since, task.task_id))
    first = in_order[0]
    return AttentionGroup(
        status, cause, first.reason, first.since, [task.task_id for task in in_order], remedy=REMEDIES[status]
    )
