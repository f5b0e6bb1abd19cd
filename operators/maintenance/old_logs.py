"""maintenance: delete log files of Airflow that no program has written to for a long time."""

import os
import stat
import time
from collections import Counter
from pathlib import Path

import psutil
from airflow.sdk.configuration import conf

from atdb_interface.quantities import count_of
from operators.maintenance.base import MaintenanceOperator
from operators.maintenance.retention import LOGS

#: A file on this machine: its device and its inode.
Identity = tuple[int, int]


class DeleteOldLogsOperator(MaintenanceOperator):
    """Delete old files below Airflow's log folder, and folders that become empty.

    Links are neither followed nor deleted. Returns how many files were deleted in each folder of the first level:
    one for each DAG, and one for the dag-processor.
    """

    def delete(self) -> dict[str, int]:
        """Delete old logs."""
        folder = conf.get("logging", "base_log_folder")
        days = LOGS.days()
        deleted = delete_logs(folder, before=time.time() - days * 86_400)
        for name, number in sorted(deleted.items()):
            self.log.info("Deleted %s in %s", count_of(number, "file"), name)
        self.log.info("Deleted %s below %s, older than %d days", count_of(deleted.total(), "file"), folder, days)
        return dict(deleted)


def delete_logs(folder: str, before: float) -> Counter[str]:
    """Delete files that were last written before a time, in seconds since 1970; return how many, by first folder.

    The folders of the first level stay, because a new run may create a folder in them at any moment.
    """
    deleted: Counter[str] = Counter()
    writing = _being_written()
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for entry in _entries(top):
            if entry.is_dir(follow_symlinks=False):
                deleted[entry.name] = _clear(top, entry.name, before, writing)[0]
            else:
                deleted["."] += _delete(top, entry, before, writing)
    finally:
        os.close(top)
    return +deleted


def _clear(parent: int, name: str, before: float, writing: set[Identity]) -> tuple[int, bool]:
    """Delete old files in a folder; return how many, and whether the folder itself can be deleted.

    It can be deleted if it is empty now and nothing was added to it after `before`.
    """
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        is_old = os.fstat(folder).st_mtime < before
        deleted = 0
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False):
                files, is_deletable = _clear(folder, entry.name, before, writing)
                deleted += files
                if is_deletable:
                    _remove_folder(folder, entry.name)
            else:
                deleted += _delete(folder, entry, before, writing)
        return deleted, is_old and not _entries(folder)
    finally:
        os.close(folder)


def _entries(folder: int) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _delete(folder: int, entry: os.DirEntry[str], before: float, writing: set[Identity]) -> bool:
    """Delete one regular file if it is old and no process has it open."""
    try:
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or status.st_mtime >= before or _identity(status) in writing:
            return False
        os.unlink(entry.name, dir_fd=folder)
    except FileNotFoundError:  # deleted by another program meanwhile
        return False
    return True


def _remove_folder(folder: int, name: str) -> None:
    try:
        os.rmdir(name, dir_fd=folder)
    except OSError:  # something was written there in the last moment
        return


def _being_written() -> set[Identity]:
    """Return the files that a process of this user on this machine has open."""
    open_files = set()
    for process in psutil.process_iter():
        try:
            for opened in process.open_files():
                open_files.add(_identity(Path(opened.path).stat()))
        except (psutil.Error, OSError):  # ended meanwhile, or another user's
            continue
    return open_files


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino
