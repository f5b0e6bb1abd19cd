"""Where the bytes of a walk are: the disks of the data hosts and the archive, mounted or not."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(eq=False)
class Disk:
    """A disk of a data host. `path`: where its files are now; `is_mounted`: whether ATDB sees them."""

    host: str
    name: str
    path: Path
    is_mounted: bool = True


@dataclass
class Scene:
    """All places of one walk, below one folder. `archive`: where the files of the archive are now."""

    base: Path
    disks: list[Disk] = field(default_factory=list)
    is_archive_mounted: bool = True

    @property
    def data_root(self) -> Path:
        return self.base / "data"

    @property
    def archive_mount(self) -> Path:
        return self.base / "alta"

    @property
    def archive(self) -> Path:
        return self.archive_mount if self.is_archive_mounted else self.parking / "alta"

    @property
    def parking(self) -> Path:
        """The place of disks that are not mounted."""
        return self.base / "parking"

    @property
    def outside(self) -> Path:
        """Files that are no data: links of products lead there."""
        return self.base / "outside"

    def disks_of(self, host: str) -> Iterator[Disk]:
        return (disk for disk in self.disks if disk.host == host)

    def mounted(self, host: str) -> Disk:
        return next(disk for disk in self.disks_of(host) if disk.is_mounted)
