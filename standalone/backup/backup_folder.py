"""The folder of all backups: which are complete, which are removed, and that one is made at a time."""

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
#: No complete backup begins with this; the next backup removes what does.
_UNFINISHED = ".unfinished-"


def name_at(moment: datetime) -> str:
    """Return the name of a backup of a moment, which is aware; names sort by time."""
    return f"atdb-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def complete(folder: Path) -> list[Path]:
    """List the complete backups in a folder, the oldest first."""
    if not folder.is_dir():
        raise BackupError(f"There is no folder {folder}. Create it, or mount the disk that it is on.")
    return sorted(
        path for path in folder.iterdir() if _NAME.fullmatch(path.name) and (path / manifest.NAME).is_file()
    )


@contextmanager
def alone(*files: Path) -> Iterator[None]:
    """Lock files, which are created, for the time of the context; the lock ends with the process, also if killed.

    Raises BackupError at once if another process holds one.
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
    """Create a folder for a new backup, which gets its name at the end of the context and is on the disk then.

    After an error it is removed, and so are those that killed backups have left.
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
    """Remove the oldest complete backups beyond a number, and return which; the newest is never removed."""
    removed = complete(folder)[: -max(number, 1)]
    for path in removed:
        gone = path.rename(path.with_name(f"{_UNFINISHED}{path.name}"))  # so that no half of it looks whole
        shutil.rmtree(gone)
    return removed


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
