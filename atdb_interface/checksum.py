"""The checksum of a data product: one SHA-256, for a file and for a directory.

The checksum of a file is its SHA-256. The checksum of a directory is the SHA-256 of the output of `sha256sum` for
its files that are data, sorted by path in byte order. The tools of the operating system can therefore check it:

    cd WSRTA190405034_B000.MS
    find . -type f ! -name table.lock -print0 | LC_ALL=C sort -z | xargs -r0 sha256sum | sha256sum
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO

from atdb_interface.reasons import CodedError

CHUNK_BYTES = 1 << 20
#: Receives the number of bytes of each chunk after it is read. It stops the reading by raising an exception.
Advance = Callable[[int], None]
#: How sha256sum escapes these characters in names; such a line begins with a backslash.
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})


class NotAProductError(CodedError, ValueError):
    """A data product, or `name` within it, is neither a file nor a directory."""

    def __init__(self, code: str, text: str, *, name: str = "") -> None:
        super().__init__(code, text)
        self.name = name


@dataclass(frozen=True)
class FileRecord:
    """One file of a product. `path`: relative to the product, with `/`; "" if the product is one file."""

    path: str
    size: int
    sha256: str


def directory_checksum(entries: Iterable[tuple[str, str]]) -> str:
    """Return the checksum of a directory from the (relative path, SHA-256 in hex) of each of its files."""
    listing = hashlib.sha256()
    for path, sha256 in sorted(entries, key=lambda entry: os.fsencode(entry[0])):
        written = path.translate(_ESCAPES)
        escaped = "\\" if written != path else ""
        listing.update(os.fsencode(f"{escaped}{sha256}  ./{written}\n"))
    return listing.hexdigest()


def product_checksum(records: list[FileRecord]) -> str:
    """Return the checksum of the product that consists of these files."""
    if len(records) == 1 and not records[0].path:
        return records[0].sha256
    return directory_checksum((record.path, record.sha256) for record in records)


def ignore_progress(_: int) -> None:
    """Ignore the progress of the reading."""


def read_record(
    reader: IO[bytes], path: str, advance: Advance = ignore_progress, *, writer: IO[bytes] | None = None
) -> FileRecord:
    """Read an open file to its end, copy it to `writer` if there is one, and return its record under this path."""
    digest, size = hashlib.sha256(), 0
    while chunk := reader.read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
        if writer:
            writer.write(chunk)
        advance(len(chunk))
    return FileRecord(path, size, digest.hexdigest())
