"""A copy of the checkout, in which the faults are made, so that a run that is killed leaves none in the code."""

import compileall
import shutil
import subprocess
from pathlib import Path

#: The copy, the results and what the tests cover; git ignores it.
FOLDER = Path(".atdb-mutation")
_PACKAGES = ("atdb_interface", "atdb_api", "atdb_plugins", "operators", "dags", "standalone", "tests", "tools")


def copy_checkout(root: Path) -> Path:
    """Create or update the copy of a checkout, compiled, and return its folder. What has not changed stays."""
    copy = root / FOLDER / "checkout"
    listed = {copy / name for name in files(root)}
    for path in [path for path in copy.rglob("*") if path.is_file() and path.suffix != ".pyc"]:
        if path not in listed:
            path.unlink()
    copy_files(root, copy)
    for package in _PACKAGES:
        compileall.compile_dir(str(copy / package), quiet=2)
    return copy


def copy_files(root: Path, copy: Path) -> None:
    """Copy all files that git does not ignore and that differ, as their size and time of change show."""
    for name in files(root):
        source, target = root / name, copy / name
        if not target.exists() or _state(source) != _state(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def files(root: Path) -> list[str]:
    """Return the names of all files of a checkout that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout
    return [name for name in listed.decode().split("\0") if name and (root / name).is_file()]


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
