"""What is at a place: the files of a product and their SHA-256. This uses none of the code that is judged."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

#: The SHA-256 of each file of a product by its path within it, "" for a product that is one file.
Content = dict[str, str]

_ASIDE = r"\.{name}\.[0-9a-f]{{12}}\.removing"
_HIDDEN = r"\.{name}\.[0-9a-f]{{12}}\.{ending}"


def content(path: Path, name: str) -> Content:
    """Return the files of the product `name` that is at a path; empty if nothing is there. Links have no bytes."""
    if path.is_symlink() or not path.is_dir():
        return {"": _digest(path)} if os.path.lexists(path) else {}
    found = {}
    for inside, _, names in os.walk(path):
        for each in names:
            file = Path(inside, each)
            if not (name.endswith(".MS") and each == "table.lock"):
                found[file.relative_to(path).as_posix()] = _digest(file)
    for inside, folders, _ in os.walk(path):
        for each in folders:
            if (link := Path(inside, each)).is_symlink():
                found[link.relative_to(path).as_posix()] = "link"
    return found


def checksum(files: Content, name: str) -> str | None:
    """Return the checksum of a product as `sha256sum` computes it; None for what is no product."""
    if not files or any(len(each) != 64 for each in files.values()):
        return None
    if name.endswith(".MS"):
        if "" in files:
            return None
        lines = sorted((os.fsencode(path), each) for path, each in files.items())
        listing = b"".join(each.encode() + b"  ./" + path + b"\n" for path, each in lines)
        return hashlib.sha256(listing).hexdigest()
    return files.get("") if len(files) == 1 else None


def on_disk(folder: Path, name: str) -> Iterator[Content]:
    """Yield what is left of a product: under its name, and under the names that a removal gives it."""
    yield content(folder / name, name)
    yield from (content(path, name) for path in _matching(folder, _ASIDE, name))


def hidden_in_archive(folder: Path, name: str, ending: str) -> Iterator[Content]:
    """Yield the copies of a product in the archive that have a hidden name for a while: `part` or `replaced`."""
    yield from (content(path, name) for path in _matching(folder, _HIDDEN.replace("{ending}", ending), name))


def _matching(folder: Path, pattern: str, name: str) -> list[Path]:
    if not folder.is_dir():
        return []
    wanted = re.compile(pattern.format(name=re.escape(name)))
    return sorted(path for path in folder.iterdir() if wanted.fullmatch(path.name))


def _digest(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return "link"
    return hashlib.sha256(path.read_bytes()).hexdigest()
