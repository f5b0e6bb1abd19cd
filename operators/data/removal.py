"""Delete one product from its data host, in an order in which no kill and no change at the same time loses data.

1. The archive's copy is verified, and the data on the disk are compared with it (`removal_check.py`).
2. The product is renamed aside, and compared once more: from now on, nothing opens it by its name.
3. A tombstone records what is deleted (`tombstones.py`).
4. The product is deleted, only through directory descriptors and within one file system (`deletion.py`).
5. The caller reports the removal to ATDB, with others (`removal_reports.py`); then the tombstone is deleted.

An error before step 4 renames the product back. A killed attempt is continued by the next one.
"""

import logging
import math
import os
import time
from collections.abc import Callable
from functools import partial

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.product_files import open_folder
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError
from atdb_interface.renames import rename_new
from operators.data.data_disks import keep_reserve, use_reserve
from operators.data.deletion import delete_product
from operators.data.local_products import DataError, path_of
from operators.data.removal_check import Deletable, RemovalCheck
from operators.data.renames import rename_aside
from operators.data.tombstones import Tombstone, delete_tombstone, read_tombstone, states_of, write_tombstone

log = logging.getLogger(__name__)

#: A lease that was renewed, and a deletion that was allowed, within this time is not asked for again.
RECENT_SECONDS = 3.0


class DeletionOffError(CodedError):
    """An operator has switched off all deletion."""


class ProductRemoval:
    """Delete products of one observation. `confirm_lease` raises an error if the run has lost its lease.

    ATDB is not asked for each of many small products: what it has answered within RECENT_SECONDS counts.
    """

    def __init__(self, client: Client, check: RemovalCheck, confirm_lease: Callable[[], None]) -> None:
        self._client, self._check, self._confirm_lease = client, check, confirm_lease
        self._allowed_at = -math.inf

    def delete(self, product: DataProduct) -> str:
        """Delete a product, and return what its receipt says about it, which can be empty.

        The caller reports this to ATDB with RemovalReports. Raises an error if the product must stay.
        """
        deletable = self._check.judge(product)
        self._confirm_lease()
        if deletable.entry is not None:
            self._require_allowed()
            with open_folder(deletable.path.parent) as folder:
                tombstone = deletable.begun or self._begin(product, folder, deletable.entry, deletable)
                delete_product(folder, tombstone.entry, tombstone)
        return deletable.reason

    def _require_allowed(self) -> None:
        begin = time.monotonic()
        if begin - self._allowed_at > RECENT_SECONDS:
            require_deletion_allowed(self._client)
            self._allowed_at = begin

    def _begin(self, product: DataProduct, folder: int, entry: str, deletable: Deletable) -> Tombstone:
        """Rename a product aside, compare it again, and record its deletion. If that fails, rename it back.

        It stays aside if another run, which has the lease now, has begun to delete it.
        """
        is_aside = entry != product.filename
        # The rename hides the time of a change of a product that is one file, so this is compared just before it.
        is_same = self._check.is_same(product, folder, entry, deletable)
        aside = entry if is_aside else rename_aside(folder, product.filename)
        tombstone = None
        try:
            entries = self._check.confirm(product, folder, aside, deletable if is_same else None)
            self._confirm_lease()
            files = None if product.removal_forced_by is not None else states_of(entries)
            tombstone = Tombstone(product.taskID, product.filename, product.checksum, deletable.disk, aside, files)
            write_tombstone(folder, tombstone, partial(use_reserve, deletable.path))
        except BaseException:
            left = read_tombstone(folder, product.filename)
            if left is None or left == tombstone or left.entry != aside:
                delete_tombstone(folder, product.filename)
                rename_new(folder, aside, product.filename)
                os.fsync(folder)
            raise
        return tombstone


def forget(product: DataProduct) -> None:
    """Delete the tombstone of a product that is removed in ATDB. If that fails, it stays and has no effect.

    On a disk that was full, it has the space of the disk's next reserve.
    """
    try:
        path = path_of(product)
        if path.parent.is_dir():
            with open_folder(path.parent) as folder:
                delete_tombstone(folder, product.filename)
            keep_reserve(path)
    except (DataError, OSError, ValueError) as error:
        log.warning("The tombstone of %s was not deleted: %s", product.filename, error)


def require_deletion_allowed(client: Client) -> None:
    """Raise DeletionOffError if an operator has switched off all deletion in ATDB."""
    state = client.deletion()
    if not state.allowed:
        raise DeletionOffError(
            ReasonCode.DELETION_OFF,
            f"An operator has switched off all deletion: {state.reason}. When it is allowed again, retry.",
        )
