"""Which copies on the data host can be deleted, and why the others cannot."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from atdb_interface.checksum import Advance, NotAProductError, ignore_progress
from atdb_interface.data_hosts import local_path
from atdb_interface.dataproducts import DataProduct, Neighbour
from atdb_interface.lifecycle import ProductStatus
from atdb_interface.product_files import FileState, OpenProduct, identity_of, open_folder, open_inside
from atdb_interface.product_lifecycle import product_statuses
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError, reason_of, without_code, write
from atdb_interface.renames import exists
from atdb_plugins.archive.folder import ArchiveFolder
from operators.data.data_disks import disk_of, require_disk_of
from operators.data.inspection import InvalidDataError, read
from operators.data.local_products import DataError, data_root, host_folder, path_of
from operators.data.renames import asides_of
from operators.data.tombstones import Tombstone, read_tombstone

#: An admin can force the deletion of products with these statuses, though the archive does not hold them.
FORCIBLE = product_statuses(lambda row: row.removal_forcible)


@dataclass(frozen=True)
class RemovalForecast:
    """What a removal would do with a product. `is_deletable`: no copy would be left on the data host."""

    product: DataProduct
    path: str
    archive_copy: str
    is_deletable: bool
    verdict: str

    def __str__(self) -> str:
        size = "unknown size" if self.product.size is None else f"{self.product.size} bytes"
        return f"{self.product.filename}  {size}  {self.path}  {self.archive_copy}  {self.verdict}"


@dataclass(frozen=True)
class Deletable:
    """What is left of a product on its data host, and can be deleted.

    - `entry`: the name that it has now; None if nothing is left.
    - `entries`: the files that were compared with the archive.
    - `begun`: the record of the deletion, if a killed attempt has begun it.
    - `reason`: what the receipt says about the removal.
    """

    path: Path
    disk: str | None
    entry: str | None = None
    entries: tuple[FileState, ...] = ()
    begun: Tombstone | None = None
    reason: str = ""


class RemovalCheck:
    """Check which data of one observation can be deleted; this deletes nothing itself.

    `neighbours`: those that ATDB has returned to this run. It refuses others until the products are removed.
    """

    def __init__(
        self, neighbours: Sequence[Neighbour], folder: ArchiveFolder, advance: Advance = ignore_progress
    ) -> None:
        self._neighbours, self._folder, self._advance = neighbours, folder, advance

    def judge(self, product: DataProduct) -> Deletable:
        """Return what is left of a product and can be deleted now, because the archive holds the same data.

        The archive's copy is read first, and the data on the disk are looked at afterwards, so that a change of
        the data during the reading is noticed. If an admin has forced the removal, nothing is compared.
        Raises CodedError, such as ArchiveError and DataError, and OSError for data that must stay.
        """
        path = path_of(product)
        self._require_own_place(product)
        if product.removal_forced_by is None:
            if product.checksum is None:
                raise DataError(
                    ReasonCode.NO_CHECKSUM,
                    f"{product.filename} has no checksum, so its copy cannot be verified. Use the action check.",
                )
            self._folder.verify(
                product.filename,
                product.checksum,
                self._advance,
                size=product.size,
                identity=product.archive_identity,
            )
        disk = require_disk_of(product, path)
        if not path.parent.is_dir():
            if product.removal_forced_by is None:
                raise DataError(
                    ReasonCode.DATA_FOLDER_MISSING,
                    f"The folder {path.parent} does not exist. Check that its disk is mounted.",
                    path=path,
                )
            return _nothing_left(product, path, disk, None)
        with open_folder(path.parent) as folder:
            return self._judge_data(product, path, disk, folder)

    def is_same(self, product: DataProduct, folder: int, entry: str, deletable: Deletable) -> bool:
        """Return whether the file or directory itself has not changed since it was judged."""
        with open_inside(folder, entry, name=product.filename, any_kind=True) as opened:
            return opened.top() == deletable.entries[0]

    def confirm(
        self, product: DataProduct, folder: int, entry: str, deletable: Deletable | None
    ) -> list[FileState]:
        """Return the files of a product that was renamed since it was judged. Raises an error if they must stay.

        If anything but the time of the rename has changed, or `deletable` is None, the data are read. If the
        archive's copy has no name any more, it was the same directory or file.
        """
        if product.removal_forced_by is not None:
            return _whatever_is_there(product, folder, entry)
        if not self._folder.has(product.filename):
            raise DataError(
                ReasonCode.IN_THE_ARCHIVE,
                f"The archive's copy of {product.filename} has disappeared with the name of the data, so it is no "
                "other copy. Do not mount the archive below the data root.",
            )
        with _opened(product, folder, entry) as opened:
            entries = opened.entries()
            if deletable is not None:
                changed = deletable.entries[0].ctime_ns
                if identity_of(entries, top_ctime_ns=changed) == identity_of(list(deletable.entries)):
                    return entries
            return self._read(product, opened)

    def _judge_data(self, product: DataProduct, path: Path, disk: str | None, folder: int) -> Deletable:
        names = [product.filename] if exists(folder, product.filename) else []
        names += asides_of(folder, product.filename)
        tombstone = read_tombstone(folder, product.filename)
        begun = tombstone if tombstone and tombstone.is_of(product, disk) else None
        if not names:
            return _nothing_left(product, path, disk, begun)
        if len(names) > 1:
            raise DataError(
                ReasonCode.TWO_COPIES,
                f"The data host has {' and '.join(names)}, which are both {product.filename}. "
                "Find out which one is needed, move the other one away, then retry.",
                path=path,
            )
        (entry,) = names
        if begun and begun.entry == entry:
            return Deletable(path, disk, entry, begun=begun)
        if product.removal_forced_by is not None:
            return Deletable(path, disk, entry, tuple(_whatever_is_there(product, folder, entry)))
        with _opened(product, folder, entry) as opened:
            entries = opened.entries()
            if tombstone and _continues(tombstone, product, entry, entries):
                return Deletable(path, disk, entry, begun=tombstone)
            if product.disk is None or identity_of(entries) != product.identity:
                is_left = tombstone is not None and tombstone.names(product) and tombstone.entry == entry
                entries = self._read(product, opened, left=entry if is_left else None)
        return Deletable(path, disk, entry, tuple(entries))

    def _read(self, product: DataProduct, opened: OpenProduct, *, left: str | None = None) -> list[FileState]:
        """Read the data on the disk, and return their files. Raises DataError if the archive has other data.

        `left`: the name of what a killed removal has left of the product.
        """
        try:
            reading = read(opened, self._advance)
        except InvalidDataError as error:
            raise _differs(product, f" ({error})", left=left) from error
        if not reading.has_checksum(product.checksum):
            raise _differs(product, left=left)
        return reading.entries

    def forecast(self, products: Iterable[DataProduct]) -> Iterator[RemovalForecast]:
        """Yield for each product whether it would be deleted, or why not; this only reads the data."""
        for product in products:
            is_deletable, verdict = self._verdict(product)
            copy = product.archive_copy or self._folder.url(product.filename)
            yield RemovalForecast(product, _path_in_words(product), copy, is_deletable, verdict)

    def _verdict(self, product: DataProduct) -> tuple[bool, str]:
        if product.my_status is ProductStatus.REMOVED:
            return True, "already removed"
        if not is_removable(product):
            return False, f"stays: its status is {product.my_status}"
        try:
            deletable = self.judge(product)
        except (CodedError, OSError, ValueError) as error:
            return False, f"stays: {without_code(reason_of(error))}"
        if deletable.entry is None:
            return True, "has been deleted; the removal would be recorded"
        if product.removal_forced_by is not None:
            return True, f"would be deleted unverified: {product.removal_forced_by} has forced the removal"
        return True, "would be deleted"

    def _require_own_place(self, product: DataProduct) -> None:
        """Raise DataError if the data of another observation are in this place, above it or below it."""
        root = data_root()
        path = local_path(root, product.data_location) / product.filename
        for other in self._neighbours:
            others = local_path(root, other.data_location) / other.filename
            if others.is_relative_to(path) or path.is_relative_to(others):
                raise _shared(product, path, others, other)


def has_begun(product: DataProduct, path: Path) -> bool:
    """Return whether a removal has begun to delete a product that ATDB does not call removed yet.

    What it has left under another name can be a part of the data, whichever identity the disk has now.
    """
    if not path.parent.is_dir():
        return False
    with open_folder(path.parent) as folder:
        tombstone = read_tombstone(folder, product.filename)
        if tombstone is None or exists(folder, product.filename):
            return False
        is_left = tombstone.names(product) and exists(folder, tombstone.entry)
        return is_left or tombstone.is_of(product, disk_of(path))


def _continues(tombstone: Tombstone, product: DataProduct, entry: str, entries: list[FileState]) -> bool:
    """Return whether a deletion of the same data has begun before the disk got another identity."""
    is_same = tombstone.names(product) and tombstone.checksum == product.checksum
    return is_same and tombstone.entry == entry and tombstone.has_listed(entries)


def is_removable(product: DataProduct) -> bool:
    """Return whether a removal deletes a product: it is archived, or an admin has forced its removal."""
    is_forced = product.removal_forced_by is not None and product.my_status in FORCIBLE
    return is_forced or product.my_status is ProductStatus.ARCHIVED


def bytes_to_verify(products: Iterable[DataProduct]) -> int:
    """Return how many bytes in the archive are read before these products are deleted."""
    return sum(product.size or 0 for product in products if product.removal_forced_by is None)


def _nothing_left(product: DataProduct, path: Path, disk: str | None, begun: Tombstone | None) -> Deletable:
    """Return that a product is deleted, if a removal has done that or an admin has forced it. Raises DataError."""
    if begun is not None:
        return Deletable(path, disk, begun=begun)
    if product.removal_forced_by is None:
        raise DataError(
            ReasonCode.DATA_MISSING,
            f"{product.filename} is not on its data host, and ATDB has not deleted it. Mount its disk or restore "
            "it. If it is lost, an ATDB admin can force its removal.",
            path=path,
        )
    if disk is None:
        raise DataError(
            ReasonCode.OTHER_DISK,
            f"{product.filename} is not on its data host, and the disk that is mounted has no identity, so it may "
            f"be another one. Check the mount of {host_folder(path).name}, then retry.",
            path=path,
        )
    nothing = write(ReasonCode.DATA_MISSING, "Nothing was found on the data host, so nothing was deleted.")
    return Deletable(path, disk, reason=nothing)


def _whatever_is_there(product: DataProduct, folder: int, entry: str) -> list[FileState]:
    with _opened(product, folder, entry, any_kind=True) as opened:
        return opened.entries()


@contextmanager
def _opened(product: DataProduct, folder: int, entry: str, *, any_kind: bool = False) -> Iterator[OpenProduct]:
    """Open a product under the name that it has now. Raises DataError for what is no part of a product."""
    try:
        with open_inside(folder, entry, name=product.filename, any_kind=any_kind) as opened:
            yield opened
    except NotAProductError as error:
        advice = "It was not archived, so nothing of the product was deleted. Move or unmount it, then retry."
        raise DataError(ReasonCode(error.code), f"{error}. {advice}") from error


def _differs(product: DataProduct, why: str = "", *, left: str | None = None) -> DataError:
    if left is not None:
        return DataError(
            ReasonCode.DATA_DIFFERS,
            f"What a removal has left of {product.filename}, {left}, differs from the archive{why}. The archive "
            "has the whole product. Move what is left away, then ask an ATDB admin to force the removal.",
        )
    return DataError(
        ReasonCode.DATA_DIFFERS,
        f"{product.filename} on the data host differs from the archive{why}. Use the action check: the data are "
        "validated again, and copied into the archive. To keep the archive's copy, restore the data instead.",
    )


def _shared(product: DataProduct, path: Path, others: Path, other: Neighbour) -> DataError:
    if others == path:
        relation = "is also"
    else:
        relation = f"contains {other.filename}," if others.is_relative_to(path) else f"is inside {other.filename},"
    return DataError(
        ReasonCode.DATA_SHARED,
        f"{product.filename} {relation} a data product of {other.taskID}, with status {other.my_status}. "
        "Find out which observation the data belong to, before you delete anything.",
        path=path,
    )


def _path_in_words(product: DataProduct) -> str:
    try:
        return str(path_of(product))
    except (DataError, ValueError):
        return f"{product.data_location.rstrip('/')}/{product.filename}"
