"""Data products, and changes of many products of one observation in one request."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, Field

from atdb_interface.base_models import Forcible, Returned, Wire
from atdb_interface.fields import (
    DataLocation,
    FileName,
    GivenReason,
    Name,
    Sha256,
    Size,
    StoredFileName,
    TaskId,
    Text,
    Time,
)
from atdb_interface.instruments import instrument
from atdb_interface.lifecycle import Actor, ProductStatus
from atdb_interface.transitions import Transition

#: The fields that state facts about the bytes of a product, and the stages that find these facts out. Only the
#: holder of the lease of such a stage can set them.
BYTE_FACTS: Mapping[str, frozenset[Actor]] = MappingProxyType({
    "size": frozenset({Actor.VALIDATE}),
    "checksum": frozenset({Actor.VALIDATE}),
    "identity": frozenset({Actor.VALIDATE, Actor.REMOVE}),
    "disk": frozenset({Actor.VALIDATE, Actor.REMOVE}),
    "archive_copy": frozenset({Actor.INGEST}),
    "archive_identity": frozenset({Actor.INGEST}),
})  # fmt: skip


class NewDataProduct(Wire):
    """A data product that an observation will write.

    `size` in bytes and `checksum` are announcements: the product becomes invalid if its data differ from them.
    """

    taskID: TaskId
    filename: FileName
    name: Name | None = None
    description: Text = ""
    dataproduct_type: Name = Field(
        default_factory=lambda: instrument().product_type,
        json_schema_extra=lambda schema: schema.update(default=instrument().product_type),
    )
    size: Size | None = None
    checksum: Sha256 | None = None
    quality: Text | None = None
    node: Name | None = None
    data_location: DataLocation | None = None


class DataProductChange(Forcible):
    """A change of some fields of a data product, and its next status. Sizes are in bytes.

    Only the holder of the lease of a stage can set what the stage finds out about the data: see BYTE_FACTS, and
    `stated_by` in the rows of PRODUCT_STATUSES. An operator can force some of the statuses. Until the product is
    archived, `announced_size` and `announced_checksum` can change; null removes them.
    """

    new_status: ProductStatus | None = None
    size: Size | None = None
    checksum: Sha256 | None = None
    announced_size: Size | None = None
    announced_checksum: Sha256 | None = None
    identity: Sha256 | None = None
    """The digest of the kind, size, inode and times of each of its files."""
    disk: Name | None = None
    """The identity of the disk that holds its data."""
    archive_copy: Text | None = None
    """The URL of the product's copy in the archive."""
    archive_identity: Name | None = None
    """The identity of the archive that holds the copy."""
    description: Text = ""
    quality: Text | None = None


class OwnedProductChange(DataProductChange):
    """A change of one data product. `owner`: the owner that has the lease on its observation, if there is one."""

    owner: Name | None = None


class ForcedRemoval(Wire):
    """Allow the deletion of a product from the data host although the archive has no verified copy."""

    reason: GivenReason


class DataProduct(Returned):
    """A data product as ATDB returns it. Sizes are in bytes; see checksum.py for `checksum`.

    `size` and `checksum`: the announced values until the product is validated; afterwards, those of its data.
    `identity`: the digest of the kind, size, inode and times of its files when they were last read, on the disk
    `disk`. `archive_location`: its path below the root of the archive, also if the archive does not hold it yet.
    `removal_forced_by`: the admin who has allowed its deletion without a verified copy, with the reason in
    `removal_forced_reason`.
    """

    id: int
    taskID: str
    name: str
    filename: str
    description: str
    dataproduct_type: str
    size: int | None
    checksum: str | None
    quality: str | None
    node: str | None
    data_location: str
    announced_size: int | None = None
    announced_checksum: str | None = None
    identity: str | None = None
    disk: str | None = None
    archive_location: str | None = None
    archive_copy: str | None
    archive_identity: str | None = None
    removal_forced_by: str | None
    removal_forced_reason: str | None
    my_status: ProductStatus
    new_status: ProductStatus
    status_history: list[Transition]
    generatedByObservation: int
    creationTime: Time


class Neighbour(BaseModel):
    """A data product whose place is, contains, or is inside that of a product of another observation."""

    taskID: str
    filename: str
    data_location: str
    my_status: ProductStatus


class Neighbours(BaseModel):
    """The neighbours of the data products of an observation. Earlier versions allowed them, ATDB no longer does.

    Compare the whole paths: if a path is very long, products that only look like neighbours are among them.
    """

    results: list[Neighbour]


class ProductMove(DataProductChange):
    """A change of one product of an observation, identified by its file name."""

    filename: StoredFileName


class ProductMoves(Wire):
    """Changes of many products of one observation, made in one transaction.

    With `owner`, ATDB makes them only if that owner has the lease on the observation. Facts about the data require
    an owner.
    """

    taskID: TaskId
    owner: Name | None = None
    moves: Annotated[list[ProductMove], Field(max_length=5000)]


class MovedProduct(BaseModel):
    """The result of the change of one product."""

    id: int
    filename: str
    my_status: ProductStatus


class MovedProducts(BaseModel):
    """The result for each product, in the order of the request."""

    results: list[MovedProduct]
