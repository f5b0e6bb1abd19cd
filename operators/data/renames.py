"""Renames on a data disk: a product is renamed aside before it is deleted, and back if it must stay.

    .WSRTA190405034_B000.MS.5f0c9a1b2d3e.removing

Nothing is ever replaced by a rename.
"""

import ctypes
import errno
import os
import re
import secrets
import stat
from pathlib import Path

from atdb_interface.product_files import open_folder

_ASIDE = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}\.removing", re.DOTALL)
_LIBC = ctypes.CDLL(None, use_errno=True)
_NO_REPLACE = 1
#: The errors of a system or a file system that has no rename without replacing.
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def product_of_aside(entry: str) -> str | None:
    """Return the name of the product that was renamed to this one; None if it is another file."""
    found = _ASIDE.fullmatch(entry)
    return found["name"] if found else None


def asides_of(folder: int, filename: str) -> list[str]:
    """Return the names in an open directory under which a removal has left a product."""
    return sorted(entry for entry in os.listdir(folder) if product_of_aside(entry) == filename)


def rename_aside(folder: int, filename: str) -> str:
    """Rename a product in an open directory, and return its new name."""
    aside = f".{filename}.{secrets.token_hex(6)}.removing"
    rename_new(folder, filename, aside)
    return aside


def put_back(folder: Path, filename: str) -> None:
    """Rename a product back that a killed removal has renamed aside, unless another file has its name by now."""
    if not folder.is_dir():
        return
    with open_folder(folder) as opened:
        match asides_of(opened, filename):
            case [aside] if not exists(opened, filename):
                rename_new(opened, aside, filename)


def rename_new(folder: int, source: str, target: str) -> None:
    """Rename an entry of an open directory. Raises FileExistsError if the new name is taken."""
    if _LIBC.renameat2(folder, os.fsencode(source), folder, os.fsencode(target), _NO_REPLACE) == 0:
        return
    number = ctypes.get_errno()
    if number not in _UNSUPPORTED:
        raise OSError(number, os.strerror(number), target)
    _rename_without_the_system(folder, source, target)


def exists(folder: int, entry: str) -> bool:
    """Return whether an open directory has an entry of this name, of any kind."""
    try:
        os.stat(entry, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _rename_without_the_system(folder: int, source: str, target: str) -> None:
    """Link a file to its new name, because that replaces nothing. A directory can only replace an empty one."""
    if stat.S_ISDIR(os.stat(source, dir_fd=folder, follow_symlinks=False).st_mode):
        if exists(folder, target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
        os.rename(source, target, src_dir_fd=folder, dst_dir_fd=folder)
        return
    os.link(source, target, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    os.unlink(source, dir_fd=folder)
