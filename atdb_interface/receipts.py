"""Receipts of removed data products."""

from pydantic import BaseModel

from atdb_interface.fields import Time


class Receipt(BaseModel):
    """The receipt of a data product that was removed from a data host. It never changes.

    `owner`: the run that removed it. `forced`: an admin allowed the removal without a verified copy, for `reason`.
    """

    id: int
    timestamp: Time
    taskID: str
    dataproduct: str
    data_location: str
    size: int | None
    checksum: str | None
    archive_copy: str | None
    actor: str
    owner: str | None
    forced: bool
    reason: str
