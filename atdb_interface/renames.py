"""Renames on a local disk that replace nothing, or exchange two names, in one step."""

import ctypes
import errno
import os
import stat

_LIBC = ctypes.CDLL(None, use_errno=True)
#: From linux/fcntl.h and linux/fs.h.
_AT_FDCWD, _NO_REPLACE, _EXCHANGE = -100, 1, 2
#: The errors of a system or a file system that has no rename without replacing.
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def rename_new(folder: int, source: str, target: str) -> None:
    """Rename an entry of an open directory. Raises FileExistsError if the new name is taken."""
    try:
        _rename(folder, source, target, _NO_REPLACE)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        _rename_without_the_system(folder, source, target)


def exchange(one: str, other: str) -> None:
    """Exchange the names of two files or directories. Raises OSError, also if the file system cannot do that."""
    _rename(_AT_FDCWD, one, other, _EXCHANGE)


def exists(folder: int, entry: str) -> bool:
    """Return whether an open directory has an entry of this name, of any kind."""
    try:
        os.stat(entry, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _rename(folder: int, source: str, target: str, flag: int) -> None:
    if _LIBC.renameat2(folder, os.fsencode(source), folder, os.fsencode(target), flag):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), source, None, target)


def _rename_without_the_system(folder: int, source: str, target: str) -> None:
    """Link a file to its new name, because that replaces nothing. A directory can only replace an empty one."""
    if stat.S_ISDIR(os.stat(source, dir_fd=folder, follow_symlinks=False).st_mode):
        if exists(folder, target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
        os.rename(source, target, src_dir_fd=folder, dst_dir_fd=folder)
        return
    os.link(source, target, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    os.unlink(source, dir_fd=folder)
