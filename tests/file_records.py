"""The files of a directory, read in the simplest way: what the readers of data products are compared with."""

import os
from collections.abc import Iterator
from pathlib import Path

from atdb_interface.checksum import FileRecord, read_record


def records_of(product: Path) -> list[FileRecord]:
    """Read all files of a product, also those that are not data."""
    if product.is_file():
        return [_record(product, "")]
    names = {path.relative_to(product).as_posix(): path for path in _files(product)}
    return [_record(path, name) for name, path in sorted(names.items())]


def _files(directory: Path) -> Iterator[Path]:
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield Path(entry.path)


def _record(path: Path, relative: str) -> FileRecord:
    with path.open("rb") as file:
        return read_record(file, relative)
