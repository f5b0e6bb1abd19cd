"""Keep an open page up to date: static/live.js asks every two seconds for the parts that have changed.

A page has a region with `data-live="address"`. In it, each part of the page has `data-part="name"` and
`data-version="..."`. The script sends the versions that it has, and replaces the parts that it receives. So an
update without changes takes a few hundred bytes, and the server stores nothing about the page.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from flask import Response, json, request

#: The parameter of the script; not a filter.
KNOWN = "known"


@dataclass(frozen=True)
class Part:
    """One part of a page. `facts`: the values in it, except the time. If they change, ATDB sends it again."""

    name: str
    facts: Any
    write: Callable[[], str]

    @property
    def version(self) -> str:
        """Return a digest of the facts."""
        return f"{crc32(repr(self.facts).encode('utf-8', 'surrogatepass')):x}"

    def html(self) -> str:
        """Render the part."""
        return self.write()


def answer(parts: Sequence[Part], **more: Any) -> Response:
    """Return the parts that the browser has in another version, the order of all parts, and further values."""
    known = set(request.args.get(KNOWN, "").split(","))
    changed = {part.name: part.html() for part in parts if f"{part.name}.{part.version}" not in known}
    return _json({"order": [part.name for part in parts], "parts": changed, **more})


def versions(parts: Iterable[Part]) -> dict[str, str]:
    """Return the version of each part."""
    return {part.name: part.version for part in parts}


def _json(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json")
