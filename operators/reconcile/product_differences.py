"""Compare data products as ATDB has them with the data disks and the archive: presence and size, no checksums."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from atdb_interface import former_texts
from atdb_interface.checksum import NotAProductError
from atdb_interface.dataproducts import DataProduct
from atdb_interface.lifecycle import ProductStatus
from atdb_interface.product_lifecycle import product_statuses

P = ProductStatus
#: The archive must hold these.
ARCHIVED = product_statuses(lambda row: row.archived)
#: The data host or the archive must hold these.
COMPARED = product_statuses(lambda row: row.on_disk or row.archived)

#: What the comparison needs; the history of each product would cost more than all of this.
_FIELDS = (
    *("id", "taskID", "filename", "my_status", "size", "checksum", "disk", "data_location"),
    *("archive_copy", "archive_identity", "archive_location", "removal_forced_by"),
)


@dataclass(frozen=True)
class Difference:
    """A difference of the data of a product.

    `key`: the end of the key of the event, which does not depend on the wording.

    `former_text`: the text of earlier versions.
    """

    key: str
    text: str
    former_text: str


def products(client: Any, **filters: Any) -> Iterator[DataProduct]:
    """Yield products with only those fields that the comparison needs."""
    for row in client.rows("dataproducts", fields=_FIELDS, **filters):
        yield DataProduct.model_construct(**{**row, "my_status": ProductStatus(row["my_status"])})


def wrong_on_disk(product: DataProduct, size: int | None) -> Difference | None:
    """Return how the data on the data host differ. `size`: their bytes; None if there are none."""
    status = product.my_status
    if status is P.REMOVED:
        text = "is removed, but still on its data host"
        return None if size is None else Difference("present", text, former_texts.still_on_disk())
    if size is None:
        text = f"is {status}, but not on its data host"
        return Difference(f"missing/{status}", text, former_texts.missing_on_disk(status))
    if product.size not in (None, size):
        text = f"is {status} with {product.size} bytes, but its data host has {size}"
        former = former_texts.other_size_on_disk(status, product.size, size)
        return Difference(f"size/{status}/{product.size}/{size}", text, former)
    return None


def no_product_on_disk(product: DataProduct, problem: ValueError) -> Difference:
    """Return the difference if something else, such as a link, is in the place of a product."""
    text = f"is {product.my_status}, but its data host has something else: {problem}"
    name = problem.name if isinstance(problem, NotAProductError) else product.filename
    former = former_texts.not_a_product_on_disk(product.my_status, name)
    return Difference(f"no-product/{product.my_status}", text, former)


def is_archived(product: DataProduct) -> bool:
    """Return whether the archive must hold a product. An admin can have allowed its deletion without a copy."""
    return product.my_status in ARCHIVED and not (product.removal_forced_by and not product.archive_copy)


def wrong_in_archive(product: DataProduct, size: int | None) -> Difference | None:
    """Return how the copy in the archive differs. `size`: its bytes; None if there is none."""
    status, is_only_copy = product.my_status, product.my_status is P.REMOVED
    end = ": IT WAS THE ONLY COPY" if is_only_copy else ""
    if size is None:
        text = f"is {status}, but not in the archive{end}"
        former = former_texts.missing_in_archive(status, is_only_copy=is_only_copy)
        return Difference(f"missing/{status}", text, former)
    if product.size not in (None, size):
        text = f"is {status} with {product.size} bytes, but the archive has {size}{end}"
        former = former_texts.other_size_in_archive(status, product.size, size, is_only_copy=is_only_copy)
        return Difference(f"size/{status}/{product.size}/{size}", text, former)
    return None
