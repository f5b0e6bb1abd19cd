"""Delete a product on a data disk: only what was compared, and only within one file system."""

import os
import stat
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack

from atdb_interface.product_files import DIRECTORY, is_data, place_of
from atdb_interface.reason_codes import ReasonCode
from operators.data.local_products import DataError
from operators.data.tombstones import Tombstone

_LOOK = os.O_PATH | os.O_NOFOLLOW


def delete_product(folder: int, entry: str, tombstone: Tombstone) -> None:
    """Delete an entry of an open directory, with all in it, so that this survives a power cut.

    Raises DataError at the first file that is not as the tombstone says; this file and all others after it stay.
    """
    _Deletion(entry, tombstone).delete(folder)
    os.fsync(folder)


class _Deletion:
    def __init__(self, entry: str, tombstone: Tombstone) -> None:
        self._entry, self._filename, self._files = entry, tombstone.filename, tombstone.files
        self._shared = _inodes_with_several_names(tombstone.files or {})
        self._place: tuple[int, str] | None = None

    def delete(self, inside: int, name: str = "", path: str = "") -> None:
        name = name or self._entry
        with ExitStack() as opened:
            handle = os.open(name, _LOOK, dir_fd=inside)
            opened.callback(os.close, handle)
            self._require_inside(handle, path)
            status = os.fstat(handle)
            if stat.S_ISDIR(status.st_mode):
                directory = os.open(".", DIRECTORY, dir_fd=handle)
                opened.callback(os.close, directory)
                for below in sorted(os.listdir(directory)):  # noqa: PTH208 - pathlib has no descriptors
                    self.delete(directory, below, f"{path}/{below}" if path else below)
                os.rmdir(name, dir_fd=inside)
            else:
                self._require_compared(path, status)
                os.unlink(name, dir_fd=inside)

    def _require_inside(self, handle: int, path: str) -> None:
        place = place_of(handle)
        self._place = self._place or place
        if place != self._place:
            raise DataError(
                ReasonCode.OTHER_FILE_SYSTEM,
                f"{self._filename}/{path} is on another file system than the data product. It was not deleted. "
                f"Unmount it; what is left of the product is {self._entry}. Then retry.",
            )

    def _require_compared(self, path: str, status: os.stat_result) -> None:
        if self._files is None:
            return
        if stat.S_ISREG(status.st_mode) and not is_data(self._filename, path):
            return
        known = self._files.get(path, ())
        present = (status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        # If a file has several names, the deletion of the first one changes the time of the others.
        if known != present and (status.st_ino not in self._shared or known[:-1] != present[:-1]):
            raise DataError(
                ReasonCode.DATA_CHANGED,
                f"{self._filename}/{path} has changed while the product was deleted. This file was not deleted. "
                f"Move it out of {self._entry}, which is what is left of the product. Then retry.",
            )


def _inodes_with_several_names(files: Mapping[str, tuple[int, ...]]) -> frozenset[int]:
    numbers = Counter(inode for _, inode, _, _ in files.values())
    return frozenset(inode for inode, number in numbers.items() if number > 1)
