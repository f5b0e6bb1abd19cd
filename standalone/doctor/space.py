"""The free space of a file system."""

import shutil
from pathlib import Path

from atdb_interface.quantities import size
from standalone.doctor.results import CheckResult, failed, warning, well

#: The free share below which an operator is warned, while there is still time to act.
_SCARCE = 0.1
#: Below this, the next product may not fit.
_LEAST_BYTES = 1 << 30


def of(subject: str, path: Path, advice: str) -> CheckResult:
    """Report the free space at a path, which must exist. Raises OSError."""
    usage = shutil.disk_usage(path)
    seen = f"{path} has {size(usage.free)} free of {size(usage.total)}"
    return judge(subject, seen, advice, usage.total, usage.free)


def judge(subject: str, seen: str, advice: str, total_bytes: int, free_bytes: int) -> CheckResult:
    """Report a warning if less than a tenth is free, and a failure if that is also less than 1 GiB."""
    if free_bytes >= total_bytes * _SCARCE:
        return well(subject, seen)
    return (failed if free_bytes < _LEAST_BYTES else warning)(subject, seen, advice)
