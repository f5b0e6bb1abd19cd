"""The long-term archive at any fsspec URL. All work in it is done in the folder of an observation."""

from dataclasses import dataclass
from typing import Any, Self

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.instruments import instrument
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import quote
from atdb_plugins.archive.folder import ArchiveError, ArchiveFolder


@dataclass(frozen=True)
class Archive:
    """An archive below one URL."""

    filesystem: AbstractFileSystem
    root: str

    @classmethod
    def open(cls, url: str, **storage_options: Any) -> Self:
        """Open the archive at a URL such as `file:///alta` or `s3://alta/main`.

        Raises ArchiveError if a local folder does not exist: its disk may not be mounted.
        """
        filesystem, root = fsspec.url_to_fs(url, **storage_options)
        if isinstance(filesystem, LocalFileSystem) and not filesystem.isdir(root):
            raise _not_mounted(url)
        return cls(filesystem, root.rstrip("/"))

    def folder(self, observation: Observation) -> ArchiveFolder:
        """Return the folder of an observation. Raises ArchiveError if it would be outside the archive."""
        collection = instrument().archive_folder(observation).strip("/")
        if ".." in collection.split("/"):
            raise ArchiveError(
                ReasonCode.OUTSIDE_ARCHIVE,
                f"The folder {collection} is not within the archive. Correct the collection of the observation.",
            )
        return ArchiveFolder(self.filesystem, self.root, f"{self.root}/{collection}/{observation.taskID}")

    def require(self) -> None:
        """Raise ArchiveError if the archive does not respond or is not mounted."""
        try:
            there = self.filesystem.exists(self.root)
        except Exception as error:
            raise ArchiveError(
                ReasonCode.ARCHIVE_UNREACHABLE,
                f"The archive did not respond: {quote(error)}. Check that it is running.",
            ) from error
        if isinstance(self.filesystem, LocalFileSystem) and not there:
            raise _not_mounted(self.root)


def _not_mounted(place: str) -> ArchiveError:
    return ArchiveError(
        ReasonCode.ARCHIVE_NOT_MOUNTED, f"The folder of the archive {place} does not exist. Mount its disk."
    )
