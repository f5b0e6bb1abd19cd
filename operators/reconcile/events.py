"""The events with which reconcile reports differences and repairs to ATDB."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from atdb_interface.characters import in_one_line, printable
from atdb_interface.client import Client
from atdb_interface.events import Event, EventKind, NewEvent
from atdb_interface.fields import LONGEST_TEXT

_T = TypeVar("_T")
_NONE: Mapping[str, str] = MappingProxyType({})
#: The maximum number of keys that fit into the URL of a list.
_KEYS_PER_REQUEST = 25
_EVENTS_PER_REQUEST = 500


def disagreement(
    key: str, detail: str, *, atdb_task_id: str | None = None, filename: str | None = None
) -> NewEvent:
    """Create the event of a difference that reconcile does not repair."""
    return event(EventKind.DISAGREEMENT, key, detail, atdb_task_id=atdb_task_id, filename=filename)


def event(
    kind: EventKind, key: str, detail: str, *, atdb_task_id: str | None = None, filename: str | None = None
) -> NewEvent:
    """Create an event; characters that cannot be printed become spaces, and a long text is cut.

    The name of a product that an earlier version has stored can hold characters that ATDB refuses now.
    """
    name = filename and in_one_line(filename)[:200]
    shown = printable(detail)[:LONGEST_TEXT]
    return NewEvent(key=key, kind=kind, taskID=atdb_task_id, dataproduct=name, detail=shown)


def digest(text: str) -> str:
    """Return a text as 16 characters that fit into a key."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]


def new_events(
    client: Client, events: Collection[NewEvent], former_keys: Mapping[str, str] = _NONE
) -> list[NewEvent]:
    """Return the events that ATDB does not have yet.

    `former_keys`: for the key of an event, the key that earlier versions gave the same event.
    """
    known = _known(client, [event.key for event in events])
    new = [event for event in events if event.key not in known]
    known = _known(client, [former_keys[event.key] for event in new if event.key in former_keys])
    return [event for event in new if former_keys.get(event.key) not in known]


def _known(client: Client, keys: Sequence[str]) -> set[str]:
    return {
        row["key"]
        for batch in _batches(list(keys), _KEYS_PER_REQUEST)
        for row in client.rows("events", fields=["key"], key__in=batch)
    }


def raise_events(client: Client, events: Iterable[NewEvent]) -> list[Event]:
    """Send events to ATDB; return those that were new."""
    return [event for batch in _batches(list(events), _EVENTS_PER_REQUEST) for event in client.raise_events(batch)]


def _batches(items: list[_T], size: int) -> Iterator[list[_T]]:
    return (items[first : first + size] for first in range(0, len(items), size))
