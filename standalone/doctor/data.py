"""The data root, and the folder of each data host in it."""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from atdb_interface.data_hosts import HOST_PATTERN
from operators.data.local_products import DataError, data_root
from standalone.doctor import space
from standalone.doctor.location import Location
from standalone.doctor.reasons import without_advice
from standalone.doctor.results import CheckResult, failed, warning

SUBJECT = "data"


def check(place: Location) -> Iterator[CheckResult]:
    """Check each folder that has the name of a data host."""
    try:
        root = data_root()
        folders = sorted(path for path in root.iterdir() if re.fullmatch(HOST_PATTERN, path.name))
    except (DataError, OSError) as error:
        advice = f"Mount the data disks below {place.settings.data}, or correct the setting ATDB_DATA_ROOT."
        yield failed(SUBJECT, without_advice(error), advice)
        return
    hosts = [folder for folder in folders if folder.is_dir()]
    if not hosts:
        yield warning(
            SUBJECT,
            f"{root} has no folder of a data host",
            "If there have been no observations yet, no action is needed. Otherwise, the disks are not mounted: "
            f"mount each as {root}/<data host>.",
        )
        problem = _accessible(SUBJECT, root, "create the folder of a data host")
        yield problem or space.of(SUBJECT, root, _advice_if_full(place))
        return
    for host in hosts:
        yield from _of_host(place, host)


def _of_host(place: Location, folder: Path) -> Iterator[CheckResult]:
    subject = f"{SUBJECT} {folder.name}"
    if folder.is_symlink():
        advice = "Mount the disk there, or bind it (`mount --bind`): validate and remove do not follow links."
        yield failed(subject, f"{folder} is a link", advice)
        return
    try:
        is_empty = next(folder.iterdir(), None) is None
    except OSError as error:
        advice = f"Check the mount: the user with ID {os.getuid()} must be able to read and write there."
        yield failed(subject, f"{folder} cannot be read: {error.strerror}", advice)
        return
    if problem := _accessible(subject, folder, "delete data"):
        yield problem
        return
    if is_empty and not folder.is_mount():
        advice = "If a disk belongs there, mount it. Until then, the stages that need its data fail."
        yield warning(subject, f"{folder} is empty and no disk is mounted there", advice)
    yield space.of(subject, folder, _advice_if_full(place))


def _advice_if_full(place: Location) -> str:
    return (
        f"ATDB's page Services ({place.page('/services/')}) shows how many observations wait for remove. "
        "If remove is paused or deletion is off, find out why. If it is no longer needed, an operator resumes "
        "remove or switches deletion on, on the same page."
    )


def _accessible(subject: str, folder: Path, purpose: str) -> CheckResult | None:
    """Create and delete a hidden file, because the mode of a folder does not show that its disk is read-only."""
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".atdb-doctor-") as file:
            file.write(b"atdb")
            file.flush()
    except OSError as error:
        advice = (
            f"Mount it for writing, and allow the user with ID {os.getuid()} to write: otherwise remove cannot "
            f"{purpose}."
        )
        return failed(subject, f"{folder} cannot be written: {error.strerror}", advice)
    return None
