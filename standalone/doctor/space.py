"""The free space of a file system."""

import shutil
from pathlib import Path

from standalone.doctor.findings import Finding, failed, warning, well

#: The free share below which an operator is warned, while there is still time to act.
_SCARCE = 0.1
#: Below this, the next product may not fit.
_LEAST_BYTES = 1 << 30
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def of(subject: str, path: Path, advice: str) -> Finding:
    """Report the free space at a path, which must exist. Raises OSError."""
    usage = shutil.disk_usage(path)
    seen = f"{path} has {readable(usage.free)} free of {readable(usage.total)}"
    return judge(subject, seen, advice, usage.total, usage.free)


def judge(subject: str, seen: str, advice: str, total_bytes: int, free_bytes: int) -> Finding:
    """Report less than a tenth as a warning, or as a failure if that is also less than 1 GiB."""
    if free_bytes >= total_bytes * _SCARCE:
        return well(subject, seen)
    return (failed if free_bytes < _LEAST_BYTES else warning)(subject, seen, advice)


def readable(size_bytes: float) -> str:
    """Format a number of bytes in the largest unit in which it is at least 1."""
    for unit in _UNITS[:-1]:
        if size_bytes < 1000:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.3g} {_UNITS[-1]}"
