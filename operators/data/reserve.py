"""A reserve of space on each data disk: with it, a removal begins although the disk is full.

The file `.atdb-reserve`, beside the identity of the disk, has space that no other file gets. If a tombstone does
not fit on the disk, this file becomes the tombstone. The deletion then frees space for the next reserve.
"""

import logging
import os
import secrets
import stat
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock

from atdb_interface.renames import exists, rename_new

log = logging.getLogger(__name__)

NAME = ".atdb-reserve"
#: Space for the tombstone of a product of some 40,000 files.
BYTES = 4 << 20
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def keep(top: int) -> None:
    """Create the reserve in the open top directory of a disk, unless it exists or the disk has no space for it."""
    if exists(top, NAME):
        return
    part = f"{NAME}.{secrets.token_hex(6)}"
    try:
        handle = os.open(part, _CREATE, 0o644, dir_fd=top)
        try:
            os.posix_fallocate(handle, 0, BYTES)
            os.fsync(handle)
        finally:
            os.close(handle)
        with suppress(FileExistsError):  # another run has just created it
            rename_new(top, part, NAME)
    except OSError as error:
        log.info("The disk has no reserve for removals: %s", error)
    finally:
        with suppress(OSError):
            os.unlink(part, dir_fd=top)


def use(top: int, content: bytes, folder: int, name: str) -> bool:
    """Write content into the reserve in an open top directory, and give it another place and name.

    The reserve keeps its size: blanks follow the content. If this run is killed before the rename, the reserve is
    still there. Returns False if there is no reserve that can be used: a link, a file that has other names, or the
    one that another run uses now.
    """
    try:
        handle = os.open(NAME, _WRITE, dir_fd=top)
    except OSError:
        return False
    with os.fdopen(handle, "wb") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
            if not _is_own(os.fstat(file.fileno()), os.stat(NAME, dir_fd=top, follow_symlinks=False)):
                return False
            file.write(content.ljust(BYTES))
            file.flush()
            os.fsync(file.fileno())
            os.rename(NAME, name, src_dir_fd=top, dst_dir_fd=folder)
        except OSError as error:
            log.info("The reserve for removals cannot be used: %s", error)
            return False
    return True


def _is_own(opened: os.stat_result, named: os.stat_result) -> bool:
    is_same = (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)
    return is_same and stat.S_ISREG(opened.st_mode) and opened.st_nlink == 1 and opened.st_uid == os.geteuid()
