"""Install an instrument: a process that has the folder on its path finds its entry point."""

from pathlib import Path

from atdb_interface.instruments.in_use import GROUP


def install(folder: Path, name: str, value: str) -> Path:
    """Write the metadata of an installed package that registers an instrument."""
    installed = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {value}\n")
    return folder
