"""The lifecycle of data products: which status can follow which, and what each status states about the data.

This module is plain data and uses the standard library only, like that of observations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from atdb_interface.lifecycle import Actor, Group, ProductStatus


@dataclass(frozen=True)
class ProductStatusRow:
    """The properties of one status of a data product. `next`: the statuses that can follow.

    - `on_disk`: the data host holds its data. `copying`: they are on their way into the archive.
    - `rejected`: the data host may hold data that are not valid.
    - `archived`: the archive holds a verified copy.
    - `stated_by`: the stage that has found out what the status states about the data. Only the holder of its lease
      can set the status.
    - `forcible`: for repairs, operators can force it without a lease. No status that allows a deletion is
      forcible.
    """

    group: Group
    next: tuple[ProductStatus, ...] = ()
    on_disk: bool = False
    copying: bool = False
    rejected: bool = False
    archived: bool = False
    stated_by: Actor | None = None
    forcible: bool = False

    @property
    def to_archive(self) -> bool:
        """Return whether an ingest copies it, or finds it in the archive already."""
        return self.on_disk or self.copying

    @property
    def removal_forcible(self) -> bool:
        """Return whether an admin can force the deletion of its data, although the archive does not hold them."""
        return self.on_disk or self.rejected


P = ProductStatus
PRODUCT_STATUSES: Mapping[ProductStatus, ProductStatusRow] = MappingProxyType({
    P.DEFINED: ProductStatusRow(Group.WAITING, (P.VALID, P.INVALID), forcible=True),
    # A validation that is repeated after the lease of its first owner has expired can change the result.
    P.VALID: ProductStatusRow(
        Group.WAITING, (P.INVALID, P.INGESTING), on_disk=True, stated_by=Actor.VALIDATE, forcible=True
    ),
    P.INVALID: ProductStatusRow(
        Group.ATTENTION, (P.VALID,), rejected=True, stated_by=Actor.VALIDATE, forcible=True
    ),
    # Valid again if its observation left ingesting before this product was copied.
    P.INGESTING: ProductStatusRow(
        Group.WORKING, (P.ARCHIVED, P.VALID, P.INGEST_ERROR), copying=True, stated_by=Actor.INGEST
    ),
    # Valid again if it must be ingested again: an operator has requested that, or a validation that was repeated
    # has found other data. Invalid if that validation has found no valid data.
    P.ARCHIVED: ProductStatusRow(
        Group.DONE, (P.VALID, P.INVALID, P.REMOVED), on_disk=True, archived=True, stated_by=Actor.INGEST
    ),
    P.REMOVED: ProductStatusRow(Group.DONE, archived=True, stated_by=Actor.REMOVE),
    # Valid or invalid if it was validated again.
    P.INGEST_ERROR: ProductStatusRow(
        Group.ATTENTION, (P.INGESTING, P.VALID, P.INVALID), on_disk=True, stated_by=Actor.INGEST, forcible=True
    ),
})  # fmt: skip


def product_statuses(meets: Callable[[ProductStatusRow], bool]) -> tuple[ProductStatus, ...]:
    """Return the statuses of data products whose row meets a condition."""
    return tuple(status for status, row in PRODUCT_STATUSES.items() if meets(row))


def allowed_next_of_product(status: ProductStatus) -> frozenset[ProductStatus]:
    """Return the statuses of a data product that can follow."""
    return frozenset(PRODUCT_STATUSES[status].next)
