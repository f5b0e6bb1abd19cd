"""night_report: create the report of a night from the database, and store it in ATDB."""

from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from atdb_interface import night_reports as wire
from atdb_interface.characters import in_one_line
from atdb_interface.errors import AtdbError
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.fields import write_time
from atdb_interface.nights import Night, report_hour
from operators.attempts import Attempt
from operators.base import AtdbOperator
from operators.night_report.report import Row, make_report

QUERIES = Path(__file__).parents[2] / "sql" / "night_report"
#: The data rate of a mode is that of this many of its latest observations.
LATEST = 100
#: One snapshot for all queries, so that the figures of a report agree.
_SNAPSHOT = "set transaction isolation level repeatable read, read only"


class StoreNightReportOperator(AtdbOperator):
    """Create and store the report of a night: the last one that has ended, unless the run names another.

    A report that is already stored does not change. If the last attempt fails, it raises an event in ATDB.
    """

    def __init__(self, *, reports_conn_id: str = "atdb_reports", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reports_conn_id = reports_conn_id

    def execute(self, context: Any) -> None:
        """Create and store the report."""
        night = _night_of(context)
        try:
            self._report(night)
        except Exception as error:
            if Attempt.of(context, self).is_last:
                self._raise_event(night, error)
            raise

    def _report(self, night: Night) -> None:
        report = make_report(night, self._ask(night), made_at=datetime.now(UTC))
        with self.client() as client:
            stored = client.store_night_report(report)
        if stored.made_at != report.made_at:
            self.log.info(
                "The night of %s already has a report, created at %s",
                night.day,
                write_time(stored.made_at),
            )
        self.log.info(
            "Night of %s: %d observed, %d failures", night.day, stored.observed_count, stored.failures_count
        )

    def _ask(self, night: Night) -> dict[str, list[Row]]:
        """Return the rows of each query, by its name."""
        # Imported late, so that reading the DAG file stays fast.
        from airflow.providers.postgres.hooks.postgres import PostgresHook  # noqa: PLC0415

        parameters = {
            "begins": night.begins,
            "ends": night.ends,
            "forecast_ends": night.ends + wire.FORECAST,
            "latest": LATEST,
            "longest_waiting": wire.LONGEST_WAITING,
            "slowest": wire.SLOWEST,
        }
        rows = {}
        with closing(PostgresHook(self.reports_conn_id).get_conn()) as opened, closing(opened.cursor()) as cursor:
            cursor.execute(_SNAPSHOT)
            for path in sorted(QUERIES.glob("*.sql")):
                cursor.execute(path.read_text(encoding="utf-8"), parameters)
                columns = [column[0] for column in cursor.description]
                rows[path.stem] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        return rows

    def _raise_event(self, night: Night, error: Exception) -> None:
        problem = in_one_line(" ".join(str(error).split())).removesuffix(".")
        detail = (
            f"The report of the night of {night.day} failed: {problem}. Fix the cause, then trigger the DAG "
            f"night_report in Airflow with the night {night.day}."
        )
        event = NewEvent(key=f"night_report/{night.day}", kind=EventKind.FAILURE, detail=detail[:4000])
        with suppress(AtdbError), self.client() as client:
            client.raise_events([event])


def _night_of(context: Any) -> Night:
    """Return the night that the run names, or the last one that had ended when the run was due."""
    if unknown := set(context["dag_run"].conf or {}) - {"night"}:
        raise AirflowFailException(
            f"No report was created: unknown parameter {', '.join(sorted(unknown))}. The only parameter is night. "
            "Trigger the DAG again."
        )
    given, hour = context["params"]["night"], report_hour()
    if not given:
        return Night.last(context["dag_run"].run_after, hour)
    try:
        night = Night.named(given, hour)
    except ValueError as error:
        raise AirflowFailException(
            f"No report was created: {error}. Trigger the DAG again with the day on which the night began."
        ) from None
    if night.ends > datetime.now(UTC):
        raise AirflowFailException(
            f"No report was created: the night of {night.day} has not ended. It ends at {write_time(night.ends)}. "
            "Trigger the DAG again after that."
        )
    return night
