"""The address of the table of tasks: read what it asks for, and write the addresses of what is beside that."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request

from atdb_api.gui.formats import read_size
from atdb_api.gui.live import KNOWN
from atdb_api.reads.task_query import AFTER, BEFORE, NEWEST_FIRST, ORDERING, ORDERINGS, TaskQuery
from atdb_api.search import filters

NEWEST = "newest"
_OWN = (ORDERING, AFTER, BEFORE, NEWEST, KNOWN)
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class TaskAddress:
    """`pairs`: the filters as they stand in the address."""

    pairs: Pairs
    ordering: str = NEWEST_FIRST
    after: str = ""
    before: str = ""

    @property
    def query(self) -> TaskQuery:
        """Return what the address asks for."""
        return TaskQuery(parameters(self.pairs), self.ordering, self.after, self.before)

    @property
    def is_start(self) -> bool:
        """Tell whether it is the beginning of the list."""
        return not (self.after or self.before)

    def values(self, name: str) -> list[str]:
        """Give what a filter is set to."""
        given = [value for key, value in self.pairs if key == name]
        return given + [v for key, value in self.pairs if key == f"{name}__in" for v in value.split(",")]

    def value(self, name: str) -> str:
        """Give what a filter is set to first, or nothing."""
        return next(iter(self.values(name)), "")

    def url(self, **changed: str) -> str:
        """Write a query: these filters, and the ordering and place that are given."""
        own = {ORDERING: "" if self.ordering == NEWEST_FIRST else self.ordering} | changed
        return "?" + urlencode(self.pairs + [(name, value) for name, value in own.items() if value])

    def without(self, pair: tuple[str, str]) -> str:
        """Write a query without one of its filters."""
        return TaskAddress([each for each in self.pairs if each != pair], self.ordering).url()

    def ordered_by(self, name: str) -> str:
        """Write a query that orders by a column; by the same again: the other way round."""
        return self.url(**{ORDERING: f"-{name}" if self.ordering == name else name})


def task_address() -> TaskAddress:
    """Read the address of this request; what was left empty in a form asks for nothing."""
    args = request.args
    ordering = args.get(ORDERING) or NEWEST_FIRST
    if ordering.removeprefix("-") not in ORDERINGS:
        raise filters.unreadable(ORDERING, f"is none of {', '.join(ORDERINGS)}")
    return TaskAddress(filled(args.items(multi=True)), ordering, args.get(AFTER, ""), args.get(BEFORE, ""))


def filled(pairs: Iterable[tuple[str, Any]]) -> Pairs:
    """Give the filters of an address that are filled in."""
    return [(name, value.strip()) for name, value in pairs if name not in _OWN and value.strip()]


def parameters(pairs: Pairs) -> dict[str, str]:
    """Give filters as the API reads them: a name that is there several times is any of its values."""
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        several.setdefault(name, []).append(read_size(value) if name.startswith("size") else value)
    return {name if len(values) == 1 else f"{name}__in": ",".join(values) for name, values in several.items()}


def newest() -> int:
    """Read the id of the newest task that the browser knows; 0 where it knows none."""
    text = request.args.get(NEWEST, "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise filters.unreadable(NEWEST, "is not a whole number")
    return int(text)
