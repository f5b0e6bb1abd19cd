"""Where the data of a `data_location` (`host:/directory`) lie for a program on this machine.

All data lie below one data root, in which each data host has its own folder: `arts001:/data/01/Timing` is
`<data root>/arts001/data/01/Timing`, a mount of that host's disk or the disk itself, never a link.
"""

import re
from pathlib import Path, PurePosixPath

HOST_PATTERN = r"[A-Za-z0-9][A-Za-z0-9.-]*"


def local_path(data_root: Path, data_location: str) -> Path:
    """Give the directory of a `data_location` on this machine; ValueError where it would lie outside."""
    host, colon, directory = data_location.partition(":")
    path = PurePosixPath(directory)
    names_host = colon and re.fullmatch(HOST_PATTERN, host)
    if not names_host or not path.is_absolute() or ".." in path.parts or "\0" in directory:
        raise ValueError(f"{data_location!r} is not host:/directory")
    return data_root.joinpath(host, *path.parts[1:])
