"""manifest.json: the time and the source of a backup, the checksum of each file, and a digest of each table."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from standalone.backup.errors import BackupError
from standalone.backup.table_digests import Table
from standalone.files import write_private

NAME = "manifest.json"
_FORMAT = 1
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class File:
    """The size and the checksum of one file."""

    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read a file and return its size and checksum."""
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
        return cls(size, digest.hexdigest())


@dataclass(frozen=True)
class Manifest:
    """The contents of a backup. `made` is the time of the snapshot, UTC, in ISO 8601."""

    made: str
    installation: str
    version: str
    commit: str
    postgresql: str
    files: Mapping[str, File]
    databases: Mapping[str, Mapping[str, Table]]

    @classmethod
    def read(cls, backup: Path) -> Self:
        """Read the manifest of a backup; raises BackupError if it is missing or cannot be used."""
        try:
            known: dict[str, Any] = json.loads((backup / NAME).read_text(encoding="utf-8"))
            if known.pop("format") != _FORMAT:
                raise ValueError("its format is that of another version of ATDB")
            files = {name: File(**each) for name, each in known.pop("files").items()}
            databases = {
                database: {name: Table(**each) for name, each in tables.items()}
                for database, tables in known.pop("databases").items()
            }
            return cls(**known, files=files, databases=databases)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupError(
                f"{backup} is not a complete backup: {NAME} cannot be used ({error}). Choose another backup."
            ) from None

    def write(self, backup: Path) -> None:
        """Write the manifest into a backup."""
        write_private(backup / NAME, json.dumps({"format": _FORMAT, **asdict(self)}, indent=1) + "\n")

    def check_files(self, backup: Path) -> None:
        """Read all files of a backup; raises BackupError if one is missing or has changed."""
        for name, written in self.files.items():
            try:
                present = File.of(backup / name)
            except OSError as error:
                raise BackupError(f"{backup} is damaged: {error}. Choose another backup.") from None
            if present != written:
                raise BackupError(
                    f"{backup} is damaged: {name} has {present.bytes} bytes with SHA-256 {present.sha256}, not "
                    f"{written.bytes} bytes with {written.sha256}. Choose another backup."
                )
