"""The hidden files beside the copies in the archive: parts that are being written, and copies that were replaced.

    .WSRTA190405034_B000.MS.5f0c9a1b2d3e.part
    .WSRTA190405034_B000.MS.5f0c9a1b2d3e.replaced

Each attempt writes a part of its own until the copy is complete. A replaced copy keeps its name until the new copy
is complete, because it can be the only one in the archive.
"""

import hashlib
import os
import re
import secrets
from dataclasses import dataclass

from fsspec import AbstractFileSystem

from atdb_plugins.archive.publication import discard

_HIDDEN = re.compile(r"\.(?P<stem>.+)\.[0-9a-f]{12}\.(?P<ending>part|replaced)", re.DOTALL)
_PART, _REPLACED = "part", "replaced"
#: The longest stem in bytes: with the dots, the number and the ending, a name has up to 255 bytes on a disk.
_LONGEST_STEM = 230
_DIGITS = 12


def new_part(folder: str, name: str) -> str:
    """Return a unique path for a part that will have this name."""
    return f"{folder}/.{stem_of(name)}.{secrets.token_hex(6)}.{_PART}"


def new_replaced(folder: str, name: str) -> str:
    """Return a unique path for an older copy with this name, which another copy replaces."""
    return f"{folder}/.{stem_of(name)}.{secrets.token_hex(6)}.{_REPLACED}"


def stem_of(name: str) -> str:
    """Return what hidden names contain: the name or, if it is too long, its beginning and a digest."""
    written = os.fsencode(name)
    if len(written) <= _LONGEST_STEM:
        return name
    digest = hashlib.sha256(written).hexdigest()[:_DIGITS]
    beginning = written[: _LONGEST_STEM - _DIGITS - 1].decode(errors="ignore")
    return f"{beginning}~{digest}"


def stem_of_hidden(path: str) -> str | None:
    """Return the stem in a hidden name; None if the path is not that of a part or of a replaced copy."""
    hidden = _HIDDEN.fullmatch(path.rpartition("/")[2])
    return hidden["stem"] if hidden else None


@dataclass(frozen=True)
class PartialFile:
    """A part that is being written, or that an attempt has left; or a replaced copy.

    Raises ValueError for any other path.
    """

    filesystem: AbstractFileSystem
    path: str

    def __post_init__(self) -> None:
        if not stem_of_hidden(self.path):
            raise ValueError(f"{self.path} is no partial file")

    @property
    def is_replaced(self) -> bool:
        """Return whether it is a copy that was replaced."""
        return self.path.endswith(f".{_REPLACED}")

    def is_of(self, name: str) -> bool:
        """Return whether it belongs to the product of this name."""
        return stem_of_hidden(self.path) == stem_of(name)

    def delete(self) -> None:
        """Delete it, unless another process gives it its final name first."""
        stem, folder = stem_of_hidden(self.path) or "", self.path.rpartition("/")[0]
        discard(self.filesystem, self.path, new_part(folder, stem))
