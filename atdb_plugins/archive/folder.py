"""The folder of an observation in the archive: complete, verified products and a manifest.

<url>/<collection>/<taskID>/WSRTA190405034_B000.MS/...
                            manifest.json
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.checksum import Advance, FileRecord, ignore_progress, read_record
from atdb_interface.dataproducts import DataProduct
from atdb_interface.fields import MANIFEST
from atdb_interface.observations import Observation
from atdb_interface.product_files import (
    FileKind,
    FileState,
    OpenProduct,
    ProductChangedError,
    identity_of,
    open_product,
)
from atdb_interface.reason_codes import ReasonCode
from atdb_plugins.archive.copies import StoredCopy, WrongKindError, content_of
from atdb_plugins.archive.errors import ArchiveError, DamagedManifestError, OtherObservationError
from atdb_plugins.archive.identity import require_identity
from atdb_plugins.archive.manifest import (
    files_in,
    is_manifest,
    is_of_other,
    make_manifest,
    updated_manifest,
)
from atdb_plugins.archive.partial_files import PartialFile, new_part, new_replaced, stem_of_hidden
from atdb_plugins.archive.publication import discard, name_to_disk, publish, to_disk


@dataclass(frozen=True)
class ArchiveFolder:
    """A folder below the root of an archive."""

    filesystem: AbstractFileSystem
    root: str
    path: str

    def url(self, name: str) -> str:
        """Return the URL of a product's copy."""
        return str(self.filesystem.unstrip_protocol(self._place(name)))

    def store(
        self,
        source: Path,
        name: str,
        *,
        checksum: str,
        size: int | None = None,
        identity: str | None = None,
        advance: Advance = ignore_progress,
    ) -> list[FileRecord]:
        """Copy a product in one pass, read the copy back and compare it. Then give it its final name.

        If the source has not changed since it was validated, an existing copy with this checksum stays, and a
        complete part of a killed attempt gets the final name. `identity`: the identity of the source when it was
        validated. If it differs now, the source is read. An older copy keeps its name until the new one is
        complete.

        The caller holds the lease on the observation. So all other partial files of the product are from attempts
        that no longer have it. Returns each file that is data with its SHA-256. Raises ArchiveError if the product
        has changed since it was validated, or if the archive returns other bytes than were written.
        """
        self._require_no_link()
        self.filesystem.invalidate_cache()
        if records := self._content(self._place(name), name, checksum, size, advance):
            self._require_unchanged(source, name, checksum, identity, advance)
            # The attempt that has stored it can have been killed before this.
            name_to_disk(self.filesystem, self._place(name), self.root)
        elif recovered := self._recovered(name, checksum, size, advance):
            self._require_unchanged(source, name, checksum, identity, advance)
            part, records = recovered
            self._publish(part, name)
        else:
            self._discard_partial_files(name, replaced=False)
            part, records = self._copied(source, name, checksum, advance)
            self._publish(part, name)
        self._discard_partial_files(name)
        return records

    def _require_no_link(self) -> None:
        """Raise ArchiveError if a folder below the root is a link: the disk behind it can be absent."""
        if not isinstance(self.filesystem, LocalFileSystem):
            return
        for folder in (Path(self.path), *Path(self.path).parents):
            if str(folder) == self.root:
                return
            if folder.is_symlink():
                raise ArchiveError(
                    ReasonCode.LINK_IN_PATH,
                    f"The folder {folder} of the archive is a symbolic link, which ATDB does not follow. "
                    "Replace it by the data themselves, or mount the disk there.",
                )

    def verify(
        self,
        name: str,
        checksum: str,
        advance: Advance = ignore_progress,
        *,
        size: int | None = None,
        identity: str | None = None,
    ) -> None:
        """Read a product from the archive now, and raise ArchiveError unless it is what was validated.

        Its kind, its size and its checksum must match; the checksum of a directory includes its number of files.
        `identity`: that of the archive in which the copy was stored.
        """
        require_identity(self.filesystem, self.root, identity)
        self.filesystem.invalidate_cache()
        try:
            copy = StoredCopy.look(self.filesystem, self._place(name), name)
        except FileNotFoundError as error:
            raise ArchiveError(
                ReasonCode.ARCHIVE_COPY_MISSING, f"{name} is not in the archive. Use the action ingest."
            ) from error
        except WrongKindError as error:
            raise _wrong_copy(name, f": {error}") from error
        if not copy.can_have(size):
            raise _wrong_copy(name, f": it has {copy.sizes()[0]} bytes instead of {size}")
        if content_of(copy.read(advance), name, checksum) is None:
            raise _wrong_copy(name)

    def has(self, name: str) -> bool:
        """Return whether anything is in the place of a product's copy now."""
        self.filesystem.invalidate_cache()
        try:
            self.filesystem.info(self._place(name))
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str, *, expected: int | None = None) -> int | None:
        """Return how many bytes of data a product has in the archive; None if nothing of its kind is there.

        Earlier versions also counted files that are not data. If the size of all files is the expected one, it is
        returned.
        """
        self.filesystem.invalidate_cache()
        try:
            copy = StoredCopy.look(self.filesystem, self._place(name), name)
        except (FileNotFoundError, WrongKindError):
            return None
        return expected if copy.can_have(expected) and expected is not None else copy.sizes()[0]

    def partial_files(self) -> list[PartialFile]:
        """Return the partial files: those that are being written, and those that ended attempts have left.

        A replaced copy is among them only if another copy has its name. Otherwise it can be the only copy.
        """
        names, hidden = self._listed()
        return [each for each in hidden if not each.is_replaced or any(each.is_of(name) for name in names)]

    def stored_records(
        self, name: str, checksum: str, size: int | None, advance: Advance = ignore_progress
    ) -> list[FileRecord] | None:
        """Read a copy, and return the files of the product; None if it is missing or is not what was validated."""
        return self._content(self._place(name), name, checksum, size, advance)

    def require_own(self, observation: Observation) -> None:
        """Raise OtherObservationError if the manifest is of another observation that had the same taskID."""
        with suppress(DamagedManifestError):
            manifest = self._manifest()
            if manifest is not None and is_of_other(manifest, observation):
                raise OtherObservationError(
                    ReasonCode.OTHER_OBSERVATION,
                    f"The folder {self.path} in the archive has the data of another observation with the taskID "
                    f"{observation.taskID}, which this ATDB does not know. Was an older backup restored? Move the "
                    "folder away, or specify the observation again.",
                )

    def read_manifest(self) -> dict[str, list[FileRecord]]:
        """Return the files of each product in the manifest; empty if there is no manifest yet.

        Raises DamagedManifestError.
        """
        manifest = self._manifest()
        return {} if manifest is None else files_in(manifest)

    def write_manifest(
        self,
        observation: Observation,
        files: list[tuple[DataProduct, list[FileRecord]]],
        *,
        confirm: Callable[[], None] = lambda: None,
    ) -> None:
        """Write a new manifest; the older one stays until the new one is complete.

        `confirm` is called immediately before that; if it raises an error, the older one stays.
        """
        self._write_manifest(make_manifest(observation, files), confirm)

    def has_current_manifest(self, observation: Observation) -> bool:
        """Return whether the manifest has the specification of an observation, or does not exist yet.

        Raises DamagedManifestError and OtherObservationError.
        """
        self.require_own(observation)
        manifest = self._manifest()
        return manifest is None or updated_manifest(manifest, observation) == manifest

    def update_manifest(self, observation: Observation) -> bool:
        """Write the specification of an observation into its manifest if it has changed; return whether it has.

        Raises ArchiveError if the manifest is changed meanwhile, by a run that ingests, and DamagedManifestError.
        """

        def confirm() -> None:
            if self._manifest() != before:
                raise ArchiveError(
                    ReasonCode.ARCHIVE_CHANGED, f"The manifest in {self.path} has changed meanwhile. Try again."
                )

        before = self._manifest()
        if before is None or (after := updated_manifest(before, observation)) == before:
            return False
        self._write_manifest(after, confirm)
        return True

    def _manifest(self) -> bytes | None:
        self.filesystem.invalidate_cache()
        try:
            content = bytes(self.filesystem.cat_file(self._place(MANIFEST)))
        except FileNotFoundError:
            return None
        if not is_manifest(content):
            raise DamagedManifestError(
                ReasonCode.ARCHIVE_COPY_WRONG,
                f"The manifest in {self.path} is damaged. The next ingest of the observation writes it again.",
            )
        return content

    def _place(self, name: str) -> str:
        return f"{self.path}/{name}"

    def _listed(self) -> tuple[list[str], list[PartialFile]]:
        """Return two lists: the names in the folder, and its hidden files."""
        self.filesystem.invalidate_cache()
        try:
            paths = [path.rstrip("/") for path in self.filesystem.ls(self.path, detail=False)]
        except FileNotFoundError:
            return [], []
        hidden = [PartialFile(self.filesystem, path) for path in paths if stem_of_hidden(path)]
        return [path.rpartition("/")[2] for path in paths if not stem_of_hidden(path)], hidden

    def _content(
        self, place: str, name: str, checksum: str, size: int | None, advance: Advance
    ) -> list[FileRecord] | None:
        """Return the records of a copy at a place if it has this checksum; a copy of another size is not read."""
        try:
            copy = StoredCopy.look(self.filesystem, place, name)
        except (FileNotFoundError, WrongKindError):
            return None
        return content_of(copy.read(advance), name, checksum) if copy.can_have(size) else None

    def _recovered(
        self, name: str, checksum: str, size: int | None, advance: Advance
    ) -> tuple[str, list[FileRecord]] | None:
        """Return a complete copy that a killed attempt has left, and its records."""
        for left in self._listed()[1]:
            if left.is_of(name) and (records := self._content(left.path, name, checksum, size, advance)):
                return left.path, records
        return None

    @staticmethod
    def _require_unchanged(source: Path, name: str, checksum: str, identity: str | None, advance: Advance) -> None:
        """Raise ArchiveError if the source has changed since it was validated.

        It may be missing: then an earlier removal has deleted it, because the archive holds it.
        """
        try:
            with open_product(source, name=name) as product:
                if identity is not None and identity_of(product.entries()) == identity:
                    return
                records = [_record(product, file, advance) for file in product.files()]
        except FileNotFoundError as error:
            if not os.path.lexists(source):
                return
            raise _changed(name) from error
        if content_of(records, name, checksum) is None:
            raise _changed(name)

    def _copied(self, source: Path, name: str, checksum: str, advance: Advance) -> tuple[str, list[FileRecord]]:
        """Copy a product to a part that reads back as what was validated; return the part and its records."""
        part = new_part(self.path, name)
        try:
            with open_product(source, name=name) as product:
                records = self._copy(product, part, checksum, advance)
            written = StoredCopy.look(self.filesystem, part, name).read(advance)
            if content_of(written, name, checksum) is None:
                raise ArchiveError(
                    ReasonCode.ARCHIVE_WROTE_OTHER_BYTES,
                    f"The archive returned other bytes of {name} than were written. Check the archive.",
                )
        except BaseException:
            with suppress(Exception):  # the first error is the one to report
                discard(self.filesystem, part, new_part(self.path, name))
            raise
        return part, records

    def _copy(self, product: OpenProduct, part: str, checksum: str, advance: Advance) -> list[FileRecord]:
        """Copy the files of a product. Raises ArchiveError unless they are what was validated."""
        self.filesystem.makedirs(self.path, exist_ok=True)
        entries = product.entries()
        records = []
        for file in (entry for entry in entries if entry.kind is FileKind.FILE):
            target = f"{part}/{file.path}" if file.path else part
            if file.path:
                self.filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
            try:
                records.append(self._copy_file(product, file, target, advance))
            except ProductChangedError:
                if file.is_data:
                    raise
        content = content_of(records, product.name, checksum)
        if content is None or identity_of(product.entries()) != identity_of(entries):
            raise _changed(product.name)
        return sorted(content, key=lambda record: record.path)

    def _copy_file(self, product: OpenProduct, file: FileState, target: str, advance: Advance) -> FileRecord:
        with product.open(file) as reader, self.filesystem.open(target, "wb") as writer:
            record = read_record(reader, file.path, advance, writer=writer)
            to_disk(writer)
        return record

    def _publish(self, part: str, name: str) -> None:
        publish(self.filesystem, part, self._place(name), self.root, new_replaced(self.path, name))

    def _write_manifest(self, content: bytes, confirm: Callable[[], None]) -> None:
        part = new_part(self.path, MANIFEST)
        try:
            with self.filesystem.open(part, "wb") as file:
                file.write(content)
                to_disk(file)
            self.filesystem.invalidate_cache()
            if self.filesystem.cat_file(part) != content:
                raise ArchiveError(
                    ReasonCode.ARCHIVE_WROTE_OTHER_BYTES,
                    f"The archive returned other bytes of the manifest in {self.path} than were written.",
                )
            confirm()
            self._publish(part, MANIFEST)
        except BaseException:
            with suppress(Exception):
                discard(self.filesystem, part, new_part(self.path, MANIFEST))
            raise

    def _discard_partial_files(self, name: str, *, replaced: bool = True) -> None:
        for partial_file in self.partial_files():
            if partial_file.is_of(name) and (replaced or not partial_file.is_replaced):
                partial_file.delete()


def _record(product: OpenProduct, file: FileState, advance: Advance) -> FileRecord:
    with product.open(file) as reader:
        return read_record(reader, file.path, advance)


def _changed(name: str) -> ArchiveError:
    return ArchiveError(
        ReasonCode.DATA_CHANGED, f"{name} has changed since it was validated. Use the action check."
    )


def _wrong_copy(name: str, difference: str = "") -> ArchiveError:
    return ArchiveError(
        ReasonCode.ARCHIVE_COPY_WRONG,
        f"The copy of {name} in the archive is not what was observed{difference}. Use the action ingest.",
    )
