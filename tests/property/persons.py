"""What persons do by hand, outside ATDB: to data, to disks and to copies in the archive."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.property.scene import Disk, Scene

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
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class Hands:
    """The acts of a person on one product on a disk, each drawn from the seed."""

    def __init__(self, chance: random.Random, scene: Scene) -> None:
        self._chance, self._scene = chance, scene
        self.acts: dict[str, tuple[int, Callable[[Path], object]]] = {
            "replaced by as many bytes": (6, self._flip),
            "replaced by as many bytes, with the same time": (3, self._flip_quietly),
            "replaced by fewer bytes": (3, lambda path: self._rewrite(path, 0.5)),
            "replaced by more bytes": (2, lambda path: self._rewrite(path, 1.5)),
            "grown": (4, self._grow),
            "truncated": (2, self._truncate),
            "emptied": (1, lambda path: self._file(path).write_bytes(b"")),
            "replaced by other data": (3, self._replace),
            "linked": (2, self._link),
            "deleted": (2, delete),
            "one file deleted": (1, lambda path: delete(self._file(path))),
            "one file added": (1, self._add),
            "opened": (2, self._lock),
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

    def _flip_quietly(self, path: Path) -> None:
        file = self._file(path)
        status = file.stat()
        with file.open("r+b") as opened:
            opened.write(self._chance.randbytes(max(status.st_size, 1)))
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    def _rewrite(self, path: Path, factor: float) -> None:
        file = self._file(path)
        file.write_bytes(self._chance.randbytes(max(1, int(file.stat().st_size * factor) + int(factor))))

    def _grow(self, path: Path) -> None:
        with self._file(path).open("ab") as opened:
            opened.write(self._chance.randbytes(self._chance.randint(1, 50)))

    def _truncate(self, path: Path) -> None:
        file = self._file(path)
        os.truncate(file, file.stat().st_size // 2)

    def _link(self, path: Path) -> None:
        target = self._scene.outside / ("folder" if path.is_dir() else "file")
        place = path
        if path.is_dir() and self._chance.random() < 0.7:
            place = self._chance.choice([self._file(path), path / "sub"])
            target = self._scene.outside / ("folder" if place.name == "sub" else "file")
        delete(place)
        place.symlink_to(target)

    def _add(self, path: Path) -> None:
        if path.is_dir():
            (path / f"added{self._chance.randint(0, 9)}").write_bytes(self._chance.randbytes(20))

    def _lock(self, path: Path) -> None:
        if path.is_dir():
            with (path / LOCK).open("ab") as opened:
                opened.write(b"locked")

    def _other_kind(self, path: Path) -> None:
        is_directory = path.is_dir()
        write(path, {"": b"a file"} if is_directory else {"inside": b"a file in a directory"})


class Mounts:
    """Mount and unmount the disks of the data hosts, and the archive."""

    def __init__(self, chance: random.Random, scene: Scene) -> None:
        self._chance, self._scene = chance, scene
        self._number = 0

    def act(self) -> str:
        """Change what is mounted; more often back to what should be."""
        host = self._chance.choice(sorted({disk.host for disk in self._scene.disks}))
        disk = self._scene.mounted(host)
        if disk.name != "main":
            main = next(each for each in self._scene.disks_of(host) if each.name == "main")
            self._mount(main)
            return f"{host}: mounted again instead of {disk.name}"
        if self._chance.random() < 0.4:
            self._mount(self._new(host, "empty"))
            return f"{host}: unmounted"
        clone = self._new(host, "copy")
        shutil.copytree(disk.path, clone.path, symlinks=True, dirs_exist_ok=True)
        for inside in [*clone.path.rglob("*"), clone.path]:
            if inside.name == ".atdb-disk":
                inside.unlink()
        self._mount(clone)
        return f"{host}: a copy of the disk is mounted instead"

    def act_on_archive(self) -> str:
        """Unmount the archive, or mount it again."""
        mount, parked = self._scene.archive_mount, self._scene.parking / "alta"
        if self._scene.is_archive_mounted:
            mount.rename(parked)
            mount.mkdir()
            self._scene.is_archive_mounted = False
            return "the archive is not mounted"
        shutil.rmtree(mount)
        parked.rename(mount)
        self._scene.is_archive_mounted = True
        return "the archive is mounted again"

    def restore(self) -> None:
        """Mount all that should be mounted."""
        for disk in [disk for disk in self._scene.disks if disk.name == "main" and not disk.is_mounted]:
            self._mount(disk)
        if not self._scene.is_archive_mounted:
            self.act_on_archive()

    def is_all_mounted(self) -> bool:
        return self._scene.is_archive_mounted and all(
            disk.is_mounted == (disk.name == "main") for disk in self._scene.disks
        )

    def _new(self, host: str, name: str) -> Disk:
        self._number += 1
        path = self._scene.parking / f"{host}-{name}-{self._number}"
        path.mkdir(parents=True)
        disk = Disk(host, f"{name}-{self._number}", path, is_mounted=False)
        self._scene.disks.append(disk)
        return disk

    def _mount(self, disk: Disk) -> None:
        """Mount a disk in place of another one, which is thrown away unless it is the disk of the data host."""
        place = self._scene.data_root / disk.host
        former = self._scene.mounted(disk.host)
        if former.name == "main":
            former.path = self._scene.parking / f"{disk.host}-main"
            place.rename(former.path)
        else:
            shutil.rmtree(place)
            self._scene.disks.remove(former)
        former.is_mounted = False
        disk.path.rename(place)
        disk.path, disk.is_mounted = place, True
