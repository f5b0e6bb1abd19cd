"""Receipts of removed data products."""

from pydantic import BaseModel

from atdb_interface.fields import Time


class Receipt(BaseModel):
    """What was removed from a data host: what, how large, which copy the archive holds, who, when. Never changed.

    `owner`: the run that did it. `forced`: an admin let it be deleted unverified; `reason` is theirs.
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
