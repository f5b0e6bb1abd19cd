"""The data writer: write a product to the disk part by part, and record what was generated."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from atdb_interface.checksum import CHUNK_BYTES, FileRecord, product_checksum
from standalone.simulator.order import Order
from standalone.simulator.product_files import FilePart, pieces
from standalone.simulator.task_memory import WrittenProduct

#: The kernel's device that is always full, for the fault of a full disk.
_FULL_DISK = Path("/dev/full")


@dataclass
class _Tally:
    """The size and checksum of a file so far. The file does not stay open: 480 products can be in progress."""

    size: int = 0
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def copy(self) -> "_Tally":
        return _Tally(self.size, self.sha256.copy())


class ProductWriter:
    """Write one data product. The parts must be written in their order, by one thread at a time.

    `disk_is_full` returns whether the fault of a full disk applies now.
    """

    def __init__(
        self,
        order: Order,
        directory: Path,
        filename: str,
        size: int,
        *,
        disk_is_full: Callable[[], bool] = lambda: False,
    ) -> None:
        self.path = directory / filename
        self._order, self._filename, self._size = order, filename, size
        self._disk_is_full = disk_is_full
        self._tallies: dict[str, _Tally] = {}

    def write(self, part: int) -> None:
        """Add a part; the first part replaces leftovers of an interrupted run.

        Raises OSError; nothing has been added then, and the same part can be written again.
        """
        if part == 0:
            clear(self.path)
            self._tallies.clear()
        before = {path: tally.copy() for path, tally in self._tallies.items()}
        try:
            for piece in pieces(self._order, self._filename, self._size, part):
                self._append(piece, part)
        except OSError:
            self._take_back(before)
            raise

    def record(self) -> WrittenProduct:
        """Return the record of what was generated."""
        files = [FileRecord(path, tally.size, tally.sha256.hexdigest()) for path, tally in self._tallies.items()]
        return WrittenProduct(
            filename=self._filename,
            size=sum(file.size for file in files),
            checksum=product_checksum(files),
            files=sorted(files, key=lambda file: file.path),
        )

    def _append(self, piece: FilePart, part: int) -> None:
        tally = self._tallies.setdefault(piece.path, _Tally())
        path = self.path / piece.path if piece.path else self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        target = _FULL_DISK if self._disk_is_full() else path
        with target.open("ab", buffering=0) as file:
            for chunk in self._chunks(piece, part):
                view = memoryview(chunk)
                while view:
                    view = view[file.write(view) :]
                tally.size += len(chunk)
                tally.sha256.update(chunk)

    def _take_back(self, before: dict[str, _Tally]) -> None:
        for path in self._tallies:
            file = self.path / path if path else self.path
            if path in before and file.exists():
                os.truncate(file, before[path].size)
            else:
                file.unlink(missing_ok=True)
        self._tallies = before

    def _chunks(self, piece: FilePart, part: int) -> Iterator[bytes]:
        """Generate a piece in chunks: the same bytes for the same task and file, different bytes for others."""
        seed = f"{self._order.task_id}/{self._filename}/{piece.path}/{part}".encode("utf-8", "surrogatepass")
        noise = np.random.Generator(np.random.SFC64(list(hashlib.sha256(seed).digest())))
        yield piece.head
        for start in range(0, piece.noise_bytes, CHUNK_BYTES):
            yield noise.bytes(min(CHUNK_BYTES, piece.noise_bytes - start))
        yield piece.tail


def clear(path: Path) -> None:
    """Delete a file or folder, if it exists, without following links."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
