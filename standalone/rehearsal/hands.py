"""What persons do by hand, outside ATDB, to data and to copies in the archive."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

#: The bytes of each file of a product by its path within it, "" for a product that is one file.
Bytes = dict[str, bytes]
LOCK = "table.lock"


def random_bytes(chance: random.Random, name: str) -> Bytes:
    """Return data for a product: a MeasurementSet with some files, or one file."""
    if not name.endswith(".MS"):
        return {"": chance.randbytes(chance.randint(1, 300))}
    paths = ["table.dat", "sub/two words", "sub/table.f0"][: chance.randint(1, 3)]
    return {path: chance.randbytes(chance.randint(1, 200)) for path in paths}


def read(path: Path) -> Bytes:
    """Return the bytes at a path, without links."""
    if path.is_symlink() or not path.exists():
        return {}
    if path.is_file():
        return {"": path.read_bytes()}
    return {
        each.relative_to(path).as_posix(): each.read_bytes()
        for each in sorted(path.rglob("*"))
        if each.is_file() and not each.is_symlink()
    }


def write(path: Path, data: Bytes) -> None:
    """Put data in place of what is there."""
    delete(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for inside, each in data.items():
        file = path / inside if inside else path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(each)


def delete(path: Path) -> None:
    """Delete a file, a directory or a link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class Hands:
    """The acts of a person on one product, drawn from a seed. `outside`: a folder with the targets of links."""

    def __init__(self, chance: random.Random, outside: Path) -> None:
        self._chance, self._outside = chance, outside
        self.acts: dict[str, tuple[int, Callable[[Path], object]]] = {
            "replaced by as many bytes": (6, self._flip),
            "replaced by as many bytes, with the same time": (3, self.flip_quietly),
            "replaced by fewer bytes": (3, lambda path: self.rewrite(path, 0.5)),
            "replaced by more bytes": (2, lambda path: self.rewrite(path, 1.5)),
            "grown": (4, self._grow),
            "truncated": (2, self._truncate),
            "emptied": (1, lambda path: self._file(path).write_bytes(b"")),
            "replaced by other data": (3, self._replace),
            "linked": (2, self.link),
            "deleted": (2, delete),
            "one file deleted": (1, lambda path: delete(self._file(path))),
            "one file added": (1, self._add),
            "opened": (2, self.lock),
            "touched": (2, lambda path: os.utime(self._file(path))),
            "of the wrong kind": (1, self._other_kind),
        }

    def act(self, path: Path) -> str:
        """Do one act to the product at a path, and return what was done."""
        names = list(self.acts)
        (act,) = self._chance.choices(names, [self.acts[each][0] for each in names])
        if path.is_symlink() or not os.path.lexists(path):
            return "nothing is there"
        if path.is_dir() and not any(each.is_file() and not each.is_symlink() for each in path.rglob("*")):
            delete(path)
            return "what is left deleted"
        self.acts[act][1](path)
        return act

    def _file(self, path: Path) -> Path:
        if not path.is_dir():
            return path
        files = sorted(each for each in path.rglob("*") if each.is_file() and not each.is_symlink())
        return self._chance.choice(files)

    def _replace(self, path: Path) -> None:
        write(path, random_bytes(self._chance, "x.MS" if path.is_dir() else "x.fits"))

    def _flip(self, path: Path) -> None:
        file = self._file(path)
        with file.open("r+b") as opened:
            opened.write(self._chance.randbytes(max(file.stat().st_size, 1)))

    def flip_quietly(self, path: Path) -> None:
        """Replace a file in place by as many other bytes, and keep the time of its last change."""
        file = self._file(path)
        status = file.stat()
        self._flip(file)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    def rewrite(self, path: Path, factor: float) -> None:
        """Replace a file by other bytes, `factor` times as many."""
        file = self._file(path)
        file.write_bytes(self._chance.randbytes(max(1, int(file.stat().st_size * factor) + int(factor))))

    def _grow(self, path: Path) -> None:
        with self._file(path).open("ab") as opened:
            opened.write(self._chance.randbytes(self._chance.randint(1, 50)))

    def _truncate(self, path: Path) -> None:
        file = self._file(path)
        os.truncate(file, file.stat().st_size // 2)

    def link(self, path: Path) -> None:
        """Replace a product, or a file or directory in it, by a symbolic link to something outside the data."""
        target = self._outside / ("folder" if path.is_dir() else "file")
        place = path
        if path.is_dir() and self._chance.random() < 0.7:
            place = self._chance.choice([self._file(path), path / "sub"])
            target = self._outside / ("folder" if place.name == "sub" else "file")
        delete(place)
        place.symlink_to(target)

    def _add(self, path: Path) -> None:
        if path.is_dir():
            (path / f"added{self._chance.randint(0, 9)}").write_bytes(self._chance.randbytes(20))

    def lock(self, path: Path) -> None:
        """Append to the lock file of a MeasurementSet, as a program that opens it does."""
        if path.is_dir():
            with (path / LOCK).open("ab") as opened:
                opened.write(b"locked")

    def _other_kind(self, path: Path) -> None:
        is_directory = path.is_dir()
        write(path, {"": b"a file"} if is_directory else {"inside": b"a file in a directory"})
