"""The long-term archive behind any fsspec URL. All that is done in it is done in the folder of an observation."""

from dataclasses import dataclass
from typing import Any, Self

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.instruments import instrument
from atdb_interface.observations import Observation
from atdb_plugins.archive.folder import ArchiveError, ArchiveFolder


@dataclass(frozen=True)
class Archive:
    """An archive below one URL."""

    filesystem: AbstractFileSystem
    root: str

    @classmethod
    def open(cls, url: str, **storage_options: Any) -> Self:
        """Open the archive at a URL such as `file:///alta` or `s3://alta/main`.

        Raises ArchiveError for a local folder that is not there: its disk may not be mounted.
        """
        filesystem, root = fsspec.url_to_fs(url, **storage_options)
        if isinstance(filesystem, LocalFileSystem) and not filesystem.isdir(root):
            raise ArchiveError(f"the archive {url} is not there")
        return cls(filesystem, root.rstrip("/"))

    def folder(self, observation: Observation) -> ArchiveFolder:
        """Return the folder of an observation. ArchiveError if the instrument wants it outside the archive."""
        collection = instrument().archive_folder(observation).strip("/")
        if ".." in collection.split("/"):
            raise ArchiveError(f"{collection} is not a folder within the archive")
        return ArchiveFolder(self.filesystem, self.root, f"{self.root}/{collection}/{observation.taskID}")

    def require(self) -> None:
        """Raise ArchiveError where the archive as a whole cannot be reached now."""
        try:
            there = self.filesystem.exists(self.root)
        except Exception as error:
            raise ArchiveError(f"the archive cannot be reached: {error}") from error
        if isinstance(self.filesystem, LocalFileSystem) and not there:
            raise ArchiveError(f"the archive {self.root} is not there")
