"""What persons do outside ATDB to the disks of a walk and to its archive."""

import random
import shutil

from tests.property.scene import Disk, Scene


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
