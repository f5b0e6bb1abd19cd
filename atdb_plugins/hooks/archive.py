"""The archive, through an Airflow connection."""

from airflow.sdk import BaseHook

from atdb_plugins.archive.archive import Archive


class ArchiveHook(BaseHook):
    """Open the archive in the extra of the connection: {"url": "file:///alta", "storage_options": {...}}."""

    default_conn_name = "archive_default"

    def __init__(self, archive_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.archive_conn_id = archive_conn_id

    def archive(self) -> Archive:
        """Open the archive."""
        extra = self.get_connection(self.archive_conn_id).extra_dejson
        return Archive.open(extra["url"], **extra.get("storage_options", {}))
