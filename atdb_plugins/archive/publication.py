"""The publication of a complete part under its final name, in place of an older copy.

At each moment, one of the two is complete.

- On a local disk, one rename does this, or one exchange of two names. First, the part is written to the disk; the
  older copy is deleted after the new name has been written to the disk as well.
- A server that renames, such as one of SFTP, first renames the older copy.
- An object store has no rename: the files of the part are copied to the final name one by one. The part is deleted
  after the last of them.
"""

import errno
import os
from contextlib import suppress
from io import UnsupportedOperation
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError
from atdb_interface.renames import exchange

#: The protocols of file systems that rename a file or a directory in one step.
_RENAMING = {"sftp", "ssh"}
#: The errors of a rename if the name is taken by something that cannot be replaced.
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR)
#: The errors of an exchange of names if the file system or the kernel has none, as on NFS.
_NO_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def publish(filesystem: AbstractFileSystem, part: str, final: str, root: str, replaced: str) -> None:
    """Rename a part to its final name. `replaced`: the hidden name of an older copy, until it is deleted.

    On a local disk, the copy then survives a power cut. If this raises an error, no copy is lost: either the older
    copy still has the name, or the new one has it and the older copy has its hidden name.
    """
    if isinstance(filesystem, LocalFileSystem):
        _publish_on_disk(filesystem, part, final, root, replaced)
    elif _RENAMING.intersection(_protocols(filesystem)):
        _publish_by_renames(filesystem, part, final, replaced)
    else:
        _publish_by_copies(filesystem, part, final)


def discard(filesystem: AbstractFileSystem, path: str, doomed: str) -> None:
    """Delete a hidden file, also if a process writes it. If it has got its final name, it stays.

    `doomed`: a unique name that it has while it is deleted.
    """
    if isinstance(filesystem, LocalFileSystem):
        try:
            Path(path).rename(doomed)
        except FileNotFoundError:
            return
        path = doomed
    delete(filesystem, path)


def delete(filesystem: AbstractFileSystem, path: str) -> None:
    """Delete a file or directory, if it is there."""
    with suppress(FileNotFoundError):
        filesystem.rm(path, recursive=True)


def to_disk(file: Any) -> None:
    """Sync a file of a local archive: the source may be removed later, so the copy must survive a power cut."""
    file.flush()
    with suppress(AttributeError, UnsupportedOperation):
        os.fsync(file.fileno())


def name_to_disk(filesystem: AbstractFileSystem, final: str, root: str) -> None:
    """Sync the directories above a copy in a local archive, so that its name survives a power cut."""
    if isinstance(filesystem, LocalFileSystem):
        for above in Path(final).parents:
            if str(above) == root:
                _to_disk(Path(root).resolve())  # a site can set a link to the archive
                break
            _to_disk(above)


def _publish_on_disk(filesystem: AbstractFileSystem, part: str, final: str, root: str, replaced: str) -> None:
    _all_to_disk(part)
    has_older = _take_name(part, final, replaced)
    name_to_disk(filesystem, final, root)
    if has_older:
        delete(filesystem, replaced)


def _take_name(part: str, final: str, replaced: str) -> bool:
    """Rename a part to its final name, and return whether an older copy now has the name `replaced`."""
    try:
        Path(part).rename(final)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
    else:
        return False
    try:
        exchange(part, final)
    except OSError as error:
        if error.errno not in _NO_EXCHANGE:
            raise
    else:
        Path(part).rename(replaced)
        return True
    Path(final).rename(replaced)
    try:
        Path(part).rename(final)
    except BaseException:
        Path(replaced).rename(final)
        raise
    return True


def _publish_by_renames(filesystem: AbstractFileSystem, part: str, final: str, replaced: str) -> None:
    try:
        filesystem.mv(part, final)
    except OSError:
        # The server does not report why: only a copy that is there can be in the way.
        if not _is_there(filesystem, final):
            raise
    else:
        return
    filesystem.mv(final, replaced)
    try:
        filesystem.mv(part, final)
    except BaseException:
        filesystem.mv(replaced, final)
        raise
    delete(filesystem, replaced)


def _publish_by_copies(filesystem: AbstractFileSystem, part: str, final: str) -> None:
    older, files = _sizes(filesystem, final), _sizes(filesystem, part)
    for file in files:
        filesystem.cp_file(file, _moved(file, part, final))
    wanted = {_moved(file, part, final): size for file, size in files.items()}
    for file in older.keys() - wanted.keys():
        filesystem.rm_file(file)
    if _sizes(filesystem, final) != wanted:
        raise CodedError(
            ReasonCode.ARCHIVE_WROTE_OTHER_BYTES,
            f"The archive did not copy all of {part} to {final}. Check the archive.",
        )
    delete(filesystem, part)
    filesystem.invalidate_cache()


def _moved(file: str, part: str, final: str) -> str:
    return final + file.removeprefix(part)


def _sizes(filesystem: AbstractFileSystem, path: str) -> dict[str, int]:
    """Return the sizes of the objects at a path of an object store and below it. An object store can have both."""
    filesystem.invalidate_cache()
    sizes = {path: int(filesystem.info(path)["size"])} if filesystem.isfile(path) else {}
    below = filesystem.find(f"{path}/", detail=True)
    return sizes | {file: int(info["size"]) for file, info in below.items() if file.startswith(f"{path}/")}


def _is_there(filesystem: AbstractFileSystem, path: str) -> bool:
    try:
        filesystem.info(path)
    except FileNotFoundError:
        return False
    return True


def _protocols(filesystem: AbstractFileSystem) -> tuple[str, ...]:
    return (filesystem.protocol,) if isinstance(filesystem.protocol, str) else tuple(filesystem.protocol)


def _all_to_disk(part: str) -> None:
    """Sync a file, or each file and directory of a directory."""
    for inside, _, names in os.walk(part):
        for name in names:
            _to_disk(f"{inside}/{name}")
        _to_disk(inside)
    if not Path(part).is_dir():
        _to_disk(part)


def _to_disk(path: str | Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
