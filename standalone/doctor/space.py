"""The free space of a file system."""

import shutil
from pathlib import Path

from standalone.doctor.findings import Finding, failed, warning, well

#: Of all of it; below this there is time to act.
_SCARCE = 0.1
#: Below this the next product may not fit.
_LEAST_BYTES = 1 << 30
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def of(subject: str, path: Path, advice: str) -> Finding:
    """Report the free space at a path, which must be there. Raises OSError."""
    usage = shutil.disk_usage(path)
    seen = f"{path} has {readable(usage.free)} free of {readable(usage.total)}"
    return judge(subject, seen, advice, usage.total, usage.free)


def judge(subject: str, seen: str, advice: str, total_bytes: int, free_bytes: int) -> Finding:
    """Report less than a tenth as a warning; as a failure if that is less than 1 GiB."""
    if free_bytes >= total_bytes * _SCARCE:
        return well(subject, seen)
    return (failed if free_bytes < _LEAST_BYTES else warning)(subject, seen, advice)


def readable(size_bytes: float) -> str:
    """Write a number of bytes in the largest unit of which it has one."""
    for unit in _UNITS[:-1]:
        if size_bytes < 1000:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.3g} {_UNITS[-1]}"
