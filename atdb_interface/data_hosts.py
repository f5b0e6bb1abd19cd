"""The local path of a `data_location` (`host:/directory`) on this machine.

All data are below one data root, in which each data host has its own folder: `arts001:/data/01/Timing` is
`<data root>/arts001/data/01/Timing`. The folder is a mount of that host's disk or the disk itself, never a link.
"""

import re
from pathlib import Path, PurePosixPath

HOST_PATTERN = r"[A-Za-z0-9][A-Za-z0-9.-]*"


def data_path(data_location: str, filename: str) -> str:
    """Return the place of a product, `host:/directory/filename`, without superfluous slashes and dots."""
    return re.sub("/([.]?/)+", "/", f"{data_location}/{filename}")


def local_path(data_root: Path, data_location: str) -> Path:
    """Return the directory of a `data_location` on this machine. Raises ValueError for any other text."""
    host, colon, directory = data_location.partition(":")
    path = PurePosixPath(directory)
    names_host = colon and re.fullmatch(HOST_PATTERN, host)
    if not names_host or not path.is_absolute() or ".." in path.parts or "\0" in directory:
        raise ValueError(f"{data_location!r} is not host:/directory")
    return data_root.joinpath(host, *path.parts[1:])
