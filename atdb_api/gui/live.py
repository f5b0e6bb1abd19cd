"""Keep a page true while somebody looks at it: static/live.js asks every two seconds for the parts that changed.

A page has a region with `data-live="address"`. In it, each part of the page has `data-part="name"` and
`data-version="..."`. The script sends the versions that it has, and puts what comes back in their places. So a
page that nothing happens on costs a few hundred bytes, and no state is kept on either side but the page itself.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from flask import Response, json, request

#: The script's parameters; no filters.
KNOWN = "known"


@dataclass(frozen=True)
class Part:
    """One part of a page. `facts`: what it is written from, beside the time; it is written anew if they differ."""

    name: str
    facts: Any
    write: Callable[[], str]

    @property
    def version(self) -> str:
        """Name these facts."""
        return f"{crc32(repr(self.facts).encode('utf-8', 'surrogatepass')):x}"

    def html(self) -> str:
        """Write it."""
        return self.write()


def answer(parts: Sequence[Part], **more: Any) -> Response:
    """Give the parts that are not as the browser has them, the order of all, and what else the page shows."""
    known = set(request.args.get(KNOWN, "").split(","))
    changed = {part.name: part.html() for part in parts if f"{part.name}.{part.version}" not in known}
    return _json({"order": [part.name for part in parts], "parts": changed, **more})


def versions(parts: Iterable[Part]) -> dict[str, str]:
    """Give the version of each part."""
    return {part.name: part.version for part in parts}


def _json(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json")
