"""Data products as ATDB has them, against the data disks and the archive: presence and size, no checksums."""

from collections.abc import Iterator
from typing import Any

from atdb_interface.dataproducts import DataProduct
from atdb_interface.lifecycle import ProductStatus, product_statuses

P = ProductStatus
#: The data host must hold these.
ON_DISK = product_statuses(lambda row: row.on_disk)
#: The archive must hold these.
ARCHIVED = product_statuses(lambda row: row.archived)
COMPARED = product_statuses(lambda row: row.on_disk or row.archived)

#: What is asked of ATDB; the history of each product would cost more than all of this.
_FIELDS = (
    *("id", "taskID", "filename", "my_status", "size", "data_location"),
    *("archive_copy", "removal_forced_by"),
)


def products(client: Any, **filters: Any) -> Iterator[DataProduct]:
    """Walk through the products that can be compared; they have only what the comparison needs."""
    for row in client.rows("dataproducts", fields=_FIELDS, my_status__in=COMPARED, **filters):
        yield DataProduct.model_construct(**{**row, "my_status": ProductStatus(row["my_status"])})


def wrong_on_disk(product: DataProduct, size: int | None) -> str | None:
    """Say what is wrong with what the data host has of a product."""
    if product.my_status is P.REMOVED:
        return None if size is None else "is removed, but still on its data host"
    if size is None:
        return f"is {product.my_status}, but not on its data host"
    if product.size not in (None, size):
        return f"is {product.my_status} with {product.size} bytes, but its data host has {size}"
    return None


def is_archived(product: DataProduct) -> bool:
    """Tell whether the archive must hold a product: not where an admin let it be deleted without that."""
    return product.my_status in ARCHIVED and not (product.removal_forced_by and not product.archive_copy)


def wrong_in_archive(product: DataProduct, size: int | None) -> str | None:
    """Say what is wrong with what the archive has of a product."""
    if size is None:
        wrong = f"is {product.my_status}, but not in the archive"
    elif product.size not in (None, size):
        wrong = f"is {product.my_status} with {product.size} bytes, but the archive has {size}"
    else:
        return None
    return f"{wrong}: IT WAS THE ONLY COPY" if product.my_status is P.REMOVED else wrong
