"""Data products, and changes of many products of one observation in one request."""

from typing import Annotated

from pydantic import BaseModel, Field

from atdb_interface.base_models import Forcible, Wire
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
from atdb_interface.lifecycle import ProductStatus
from atdb_interface.transitions import Transition


class NewDataProduct(Wire):
    """A data product that an observation will write."""

    taskID: TaskId
    filename: FileName
    name: Name | None = None
    description: Text = ""
    dataproduct_type: Name = Field(
        default_factory=lambda: instrument().product_type,
        json_schema_extra=lambda schema: schema.update(default=instrument().product_type),
    )
    size: Size | None = None
    quality: Text | None = None
    node: Name | None = None
    data_location: DataLocation | None = None


class DataProductChange(Forcible):
    """A change of some fields of a data product, and its next status. `size` in bytes."""

    new_status: ProductStatus | None = None
    size: Size | None = None
    checksum: Sha256 | None = None
    archive_copy: Text | None = None
    """The URL of the product's copy in the archive."""
    description: Text = ""
    quality: Text | None = None


class ForcedRemoval(Wire):
    """Allow the deletion of a product from the data host although the archive has no verified copy."""

    reason: GivenReason


class DataProduct(BaseModel):
    """A data product as ATDB returns it. `size` in bytes; see checksum.py for `checksum`.

    `removal_forced_by`: the admin who has allowed its deletion without a verified copy, for
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
    archive_copy: str | None
    removal_forced_by: str | None
    removal_forced_reason: str | None
    my_status: ProductStatus
    new_status: ProductStatus
    status_history: list[Transition]
    generatedByObservation: int
    creationTime: Time


class ProductMove(DataProductChange):
    """A change of one product of an observation, identified by its file name."""

    filename: StoredFileName


class ProductMoves(Wire):
    """Changes of many products of one observation, made in one transaction.

    With `owner`, ATDB makes them only if that owner has the lease on the observation.
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
