"""maintenance: delete expired rows of ATDB's database through the Postgres provider."""

from collections.abc import Sequence
from typing import Any, cast

from atdb_interface.quantities import count_of
from operators.maintenance.base import MaintenanceOperator
from operators.maintenance.retention import Retention

#: One transaction deletes about this many rows, so that none holds its locks for long.
BATCH_ROWS = 10_000


class DeleteExpiredRowsOperator(MaintenanceOperator):
    """Run a statement that deletes a batch of rows until it finds none, and return how many were deleted.

    `sql`: a statement, or the name of a file with one. Its parameters are `keep_days` and `batch`.
    `rows`: what the log calls the rows, such as "ended sessions".
    """

    template_fields: Sequence[str] = ("sql",)
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql"}  # noqa: RUF012 - Airflow declares it so

    def __init__(
        self, *, sql: str, rows: str, retention: Retention, conn_id: str = "atdb_maintenance", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.sql, self.rows = sql, rows
        self.retention = retention
        self.conn_id = conn_id

    def delete(self) -> int:
        """Delete batch after batch."""
        # Imported late, so that reading the DAG file stays fast.
        from airflow.providers.postgres.hooks.postgres import PostgresHook  # noqa: PLC0415

        parameters = {"keep_days": self.retention.days(), "batch": BATCH_ROWS}
        hook = PostgresHook(self.conn_id, log_sql=False)
        deleted = 0
        while batch := hook.run(self.sql, autocommit=True, parameters=parameters, handler=_row_count):
            deleted += cast("int", batch)
        kept = parameters["keep_days"]
        self.log.info(
            "Deleted %s: %s, which had been kept for %d days or longer", count_of(deleted, "row"), self.rows, kept
        )
        return deleted


def _row_count(cursor: Any) -> int:
    return int(cursor.rowcount)
