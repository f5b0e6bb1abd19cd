"""Group the observations that need attention by cause: the same status, and the same code of the reason.

Reasons that users wrote have no code. These reasons, and the words of other programs, are the same cause if they
differ only in names and numbers.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from atdb_interface import reasons
from atdb_interface.actions import REMEDIES, Action
from atdb_interface.lifecycle import Status

#: A cause has at most this many characters; later ones are ignored.
LONGEST_CAUSE = 200
_WORDS = re.compile(r"[^\s,;()\[\]]+|[\s,;()\[\]]+")
#: What differs between failures of one cause: words with a digit or a slash, except words such as "Input/output".
_PARTICULAR = re.compile(r"[\d/]")
_TWO_WORDS = re.compile(r"[A-Za-z]+/[A-Za-z]+")
#: The numbers of errors, which do not help an operator.
_ERROR_NUMBER = re.compile(r"\[Errno …\] ")
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

    `cause`: the code and the words of another program, or the reason of a user without names and numbers.
    `example`: the reason of the oldest, without its code. `remedy`: the action that solves it for all.
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


def cause_key(reason: str) -> tuple[str, str]:
    """Return the key of a cause: the code, and the words of another program.

    ATDB's own wording can change: it is not in the key.
    """
    known = reasons.read(reason)
    return ("", cause_of(reason)) if known is None else (known.code, cause_of(known.quotation))


def cause_of(reason: str) -> str:
    """Return a reason without the details of one failure: numbers, taskIDs, names of files, paths."""
    words = (_general(word) for word in _WORDS.findall(" ".join(reason.split())))
    return _SEVERAL.sub("…", "".join(words))[:LONGEST_CAUSE]


def _general(word: str) -> str:
    if not _PARTICULAR.search(word) or _TWO_WORDS.fullmatch(word):
        return word
    return "…:" if word.endswith(":") else "…"


def _headline(reason: str) -> str:
    code, words = cause_key(reason)
    return _ERROR_NUMBER.sub("", ": ".join(filter(None, [code, words])))


def attention_groups(tasks: Iterable[AttentionTask]) -> list[AttentionGroup]:
    """Group by cause, beginning with the largest group."""
    members: dict[tuple[Status, tuple[str, str]], list[AttentionTask]] = {}
    for task in tasks:
        members.setdefault((task.status, cause_key(task.reason)), []).append(task)
    groups = [_group(status, of_cause) for (status, _), of_cause in members.items()]
    return sorted(groups, key=lambda group: (-group.count, group.oldest))


def _group(status: Status, tasks: Sequence[AttentionTask]) -> AttentionGroup:
    in_order = sorted(tasks, key=lambda task: (task.since, task.task_id))
    first = in_order[0]
    example = reasons.without_code(first.reason)
    return AttentionGroup(
        status,
        _headline(first.reason),
        example,
        first.since,
        [task.task_id for task in in_order],
        remedy=REMEDIES[status],
    )
