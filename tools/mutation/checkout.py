"""A copy of the checkout, in which the faults are made, so that a run that is killed leaves none in the code."""

import compileall
import shutil
import subprocess
from pathlib import Path

#: The copy, the results and what the tests cover; git ignores it.
FOLDER = Path(".atdb-mutation")
_PACKAGES = ("atdb_interface", "atdb_api", "atdb_plugins", "operators", "dags", "standalone", "tests", "tools")


def copy_checkout(root: Path) -> Path:
    """Replace the copy of a checkout by a new one, compiled, and return its folder."""
    copy = root / FOLDER / "checkout"
    shutil.rmtree(copy, ignore_errors=True)
    copy_files(root, copy)
    for package in _PACKAGES:
        compileall.compile_dir(str(copy / package), quiet=2)
    return copy


def copy_files(root: Path, copy: Path) -> None:
    """Copy all files that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (root / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name)
