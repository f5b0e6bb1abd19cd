"""What reconcile finds: gathered first, judged by the brake, and only then acted on."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from atdb_interface.client import Client
from atdb_interface.fields import LONGEST_TEXT
from atdb_interface.lifecycle import Status
from atdb_interface.overview import Event, EventKind, NewEvent

_T = TypeVar("_T")
#: So many keys fit into the address of a list.
_KEYS = 25
#: So many events are told in one request.
_EVENTS = 500


@dataclass(frozen=True)
class StatusRepair:
    """A change of status that puts right what nobody else will."""

    task_id: str
    expected: Status
    target: Status
    reason: str
    owner: str | None = None

    def __str__(self) -> str:
        return f"{self.task_id} from {self.expected} to {self.target}: {self.reason}"


def disagreement(key: str, detail: str, *, task_id: str | None = None, filename: str | None = None) -> NewEvent:
    """Make the event of something that reconcile does not put right."""
    return event(EventKind.DISAGREEMENT, key, detail, task_id=task_id, filename=filename)


def event(
    kind: EventKind, key: str, detail: str, *, task_id: str | None = None, filename: str | None = None
) -> NewEvent:
    """Make an event; of what others have worded, only what can be seen is kept."""
    shown = "".join(character if character.isprintable() else " " for character in detail)
    return NewEvent(key=key, kind=kind, taskID=task_id, dataproduct=filename, detail=shown[:LONGEST_TEXT])


def digest(text: str) -> str:
    """Shorten a text to what a key can hold."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]


def new_events(client: Client, events: Collection[NewEvent]) -> list[NewEvent]:
    """Give the events that ATDB does not have yet."""
    told: set[str] = set()
    for some in _batches([event.key for event in events], _KEYS):
        told |= {row["key"] for row in client.rows("events", fields=["key"], key__in=some)}
    return [event for event in events if event.key not in told]


def raise_events(client: Client, events: Iterable[NewEvent]) -> list[Event]:
    """Tell ATDB of events; those that were new to it."""
    return [event for some in _batches(list(events), _EVENTS) for event in client.raise_events(some)]


def _batches(items: list[_T], size: int) -> Iterator[list[_T]]:
    return (items[first : first + size] for first in range(0, len(items), size))
