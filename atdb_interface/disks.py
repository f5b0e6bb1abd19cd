"""How full the disks of the data hosts are."""

from pydantic import BaseModel

from atdb_interface.base_models import Wire
from atdb_interface.fields import Name, Size, Time


class DiskUsage(Wire):
    """How full the disk of a data host is, in bytes."""

    data_host: Name
    total_bytes: Size
    free_bytes: Size


class Disk(BaseModel):
    """A disk as it was last seen. `bytes_per_day`: how fast it fills, and when it will be full at that rate."""

    data_host: str
    last_seen: Time
    total_bytes: int
    free_bytes: int
    bytes_per_day: int | None
    full_at: Time | None
