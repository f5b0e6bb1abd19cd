"""The folder of all backups: list and delete complete ones, and create one at a time."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from standalone.backup import manifest
from standalone.backup.errors import BackupError

_NAME = re.compile(r"atdb-\d{8}T\d{6}Z")
#: The prefix of incomplete backups; the next backup deletes them.
_UNFINISHED = ".unfinished-"


def name_at(moment: datetime) -> str:
    """Return the name of a backup made at an aware moment; names sort by time."""
    return f"atdb-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def complete(folder: Path) -> list[Path]:
    """List the complete backups in a folder, oldest first; raises BackupError if there is no such folder."""
    if not folder.is_dir():
        raise BackupError(f"There is no folder {folder}. Create it, or mount the disk that it is on.")
    return sorted(
        path for path in folder.iterdir() if _NAME.fullmatch(path.name) and (path / manifest.NAME).is_file()
    )


@contextmanager
def alone(*files: Path) -> Iterator[None]:
    """Create and lock files for the time of the context; a lock ends with its process, also if that is killed.

    Raises BackupError at once if another process holds one of the locks.
    """
    opened = []
    try:
        for path in files:
            opened.append(path.open("w"))
            try:
                fcntl.flock(opened[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupError(f"Another backup or restore is in progress: it holds {path}.") from None
        yield
    finally:
        for stream in opened:
            stream.close()


@contextmanager
def unfinished(folder: Path, name: str) -> Iterator[Path]:
    """Create a folder for a new backup; at the end of the context, synchronise it to disk and give it its name.

    After an error, the folder is deleted. Folders that killed backups have left are deleted first.
    """
    for left in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left)
    made = folder / f"{_UNFINISHED}{name}"
    made.mkdir(mode=0o700)
    try:
        yield made
        _sync(made)
        made.rename(folder / name)
        _sync(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def keep(folder: Path, number: int) -> list[Path]:
    """Delete the oldest complete backups beyond a number, and return them; the newest is never deleted."""
    removed = complete(folder)[: -max(number, 1)]
    for path in removed:
        gone = path.rename(
            path.with_name(f"{_UNFINISHED}{path.name}")
        )  # a half-deleted backup must not look complete
        shutil.rmtree(gone)
    return removed


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
