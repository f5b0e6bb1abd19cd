"""The URL of the page Tasks: read it, and build the URLs of other filters, orderings and pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request

from atdb_api.gui.formats import read_size
from atdb_api.gui.live import KNOWN
from atdb_api.reads.task_query import AFTER, BEFORE, NEWEST_FIRST, ORDERING, ORDERINGS, TaskQuery
from atdb_api.search import filters
from atdb_interface import query_lists
from atdb_interface.errors import BadRequest

NEWEST = "newest"
_OWN = (ORDERING, AFTER, BEFORE, NEWEST, KNOWN)
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class TaskAddress:
    """The parameters of the URL. `pairs`: its filters."""

    pairs: Pairs
    ordering: str = NEWEST_FIRST
    after: str = ""
    before: str = ""

    @property
    def query(self) -> TaskQuery:
        """Return the query that the URL asks for."""
        return TaskQuery(parameters(self.pairs), self.ordering, self.after, self.before)

    @property
    def is_start(self) -> bool:
        """Return whether it is the beginning of the list."""
        return not (self.after or self.before)

    def values(self, name: str) -> list[str]:
        """Return the values of a filter."""
        given = [value for key, value in self.pairs if key == name]
        return given + [v for key, value in self.pairs if key == f"{name}__in" for v in query_lists.read(value)]

    def value(self, name: str) -> str:
        """Return the first value of a filter, or an empty string."""
        return next(iter(self.values(name)), "")

    def url(self, **changed: str) -> str:
        """Return a query with these filters, and a changed ordering or place."""
        own = {ORDERING: "" if self.ordering == NEWEST_FIRST else self.ordering} | changed
        return "?" + urlencode(self.pairs + [(name, value) for name, value in own.items() if value])

    def without(self, pair: tuple[str, str]) -> str:
        """Return the query without one of its filters."""
        return TaskAddress([each for each in self.pairs if each != pair], self.ordering).url()

    def ordered_by(self, name: str) -> str:
        """Return a query that orders by a column. If the present query already does, reverse the order."""
        return self.url(**{ORDERING: f"-{name}" if self.ordering == name else name})


def task_address() -> TaskAddress:
    """Read the URL of this request, without the empty fields of a form."""
    args = request.args
    ordering = args.get(ORDERING) or NEWEST_FIRST
    if ordering.removeprefix("-") not in ORDERINGS:
        raise filters.unreadable(ORDERING, f"is not one of {', '.join(ORDERINGS)}")
    return TaskAddress(filled(args.items(multi=True)), ordering, args.get(AFTER, ""), args.get(BEFORE, ""))


def filled(pairs: Iterable[tuple[str, Any]]) -> Pairs:
    """Return the filters of a URL that have a value."""
    return [(name, value.strip()) for name, value in pairs if name not in _OWN and value.strip()]


def parameters(pairs: Pairs) -> dict[str, str]:
    """Return filters for the API; a name that occurs several times means any of its values.

    Raises BadRequest for a lookup that takes one value and occurs several times.
    """
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        several.setdefault(name, []).append(read_size(value) if name.startswith("size") else value)
    meant: Pairs = []
    for name, values in several.items():
        if len(values) > 1 and "__" not in name:
            meant.append((f"{name}__in", query_lists.write(values)))
        else:
            meant += [(name, value) for value in values]
    try:
        return query_lists.by_name(meant)
    except ValueError as error:
        raise BadRequest(f"{error}.") from None


def newest() -> int:
    """Return the id of the newest observation that the browser knows; 0 if it knows none."""
    text = request.args.get(NEWEST, "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise filters.unreadable(NEWEST, "is not a whole number")
    return int(text)
