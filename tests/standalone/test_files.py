"""A file that holds secrets is private from its first moment."""

import stat
from pathlib import Path

from standalone.files import write_private


def test_a_private_file_replaces_an_open_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
