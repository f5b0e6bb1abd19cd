"""A local archive with the faults of a plan: `faulty:///folder`, an fsspec file system.

The storage option `plan` is the path of the plan's file; without it, this is the local file system.
"""

import os
import time
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.implementations.local import LocalFileOpener, LocalFileSystem

from standalone.rehearsal.archive_plan import GROWTH, ArchiveFault, ArchiveFaults, ArchiveRule

#: The kernel's device that is always full.
_FULL_DISK = "/dev/full"


class FaultyFileSystem(LocalFileSystem):  # type: ignore[misc]
    """The local file system, where each access first reads the plan."""

    protocol = "faulty"
    cachable = False

    def __init__(self, plan: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._faults = ArchiveFaults(Path(plan)) if plan else None

    def exists(self, path: str, **kwargs: Any) -> bool:
        """Return whether a path exists."""
        self._access(path)
        return bool(super().exists(path, **kwargs))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Create a directory."""
        self._access(path)
        super().makedirs(path, exist_ok=exist_ok)

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **kwargs: Any) -> Any:
        self._access(path)
        if "r" in mode:
            self._let_rot(path)
            self._let_data_grow(path)
            alters = self._rule(path, ArchiveFault.READ_OTHER)
        elif self._rule(path, ArchiveFault.FULL):
            return LocalFileOpener(_FULL_DISK, mode, fs=self, autocommit=True)
        else:
            alters = self._rule(path, ArchiveFault.WRITE_OTHER)
        file = super()._open(path, mode, block_size=block_size, **kwargs)
        slow = self._rule(path, ArchiveFault.SLOW)
        return _FaultyFile(file, alters=alters is not None, pause_seconds=slow.seconds if slow else 0)

    def _access(self, path: str) -> None:
        if self._rule(path, ArchiveFault.REFUSE):
            raise ConnectionRefusedError(f"the archive refuses {path}")
        if slow := self._rule(path, ArchiveFault.SLOW):
            time.sleep(slow.seconds)

    def _let_rot(self, path: str) -> None:
        local = str(self._strip_protocol(path))
        if ".part" in local or local.endswith(".json") or self._faults is None:
            return
        if not self._faults.was_used(local, ArchiveFault.ROT) and self._rule(path, ArchiveFault.ROT):
            _rot(Path(local))

    def _let_data_grow(self, path: str) -> None:
        local = str(self._strip_protocol(path))
        if self._faults is None or self._faults.was_used(local, ArchiveFault.GROW):
            return
        if (rule := self._rule(path, ArchiveFault.GROW)) and rule.grows:
            with Path(rule.grows).open("ab") as file:
                file.write(GROWTH)

    def _rule(self, path: str, fault: ArchiveFault) -> ArchiveRule | None:
        return self._faults.find(self._strip_protocol(path), fault) if self._faults else None


class _FaultyFile:
    """An open file that is slow, or changes the first byte that is read or written."""

    def __init__(self, file: BinaryIO, *, alters: bool, pause_seconds: float) -> None:
        self._file, self._alters, self._pause_seconds = file, alters, pause_seconds

    def read(self, size: int = -1) -> bytes:
        time.sleep(self._pause_seconds)
        return self._altered(self._file.read(size))

    def write(self, content: bytes) -> int:
        time.sleep(self._pause_seconds)
        return self._file.write(self._altered(content))

    def __enter__(self) -> "_FaultyFile":
        self._file.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _altered(self, content: bytes) -> bytes:
        if not self._alters or not content:
            return content
        self._alters = False
        return bytes([content[0] ^ 1]) + content[1:]


def _rot(file: Path) -> None:
    """Change one byte of a stored file, and keep its times."""
    times = file.stat()
    with file.open("r+b") as stream:
        first = stream.read(1)
        stream.seek(0)
        stream.write(bytes([first[0] ^ 1]))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
