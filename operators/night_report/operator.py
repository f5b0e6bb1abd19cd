"""night_report: what happened in a night, asked of the database and stored in ATDB."""

from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from atdb_interface import night_reports as wire
from atdb_interface.errors import AtdbError
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.fields import write_time
from atdb_interface.nights import Night, report_hour
from operators.attempts import Attempt
from operators.base import AtdbOperator
from operators.night_report.report import Row, make_report

QUERIES = Path(__file__).parents[2] / "sql" / "night_report"
#: From how many of its latest observations the rate of a mode is taken.
LATEST = 100
#: One snapshot for all queries, so that the figures of a report agree.
_SNAPSHOT = "set transaction isolation level repeatable read, read only"


class StoreNightReportOperator(AtdbOperator):
    """Make the report of a night and store it; the last night that has ended, unless the run names another.

    A night that is stored already stays as it is. The last attempt that fails raises an event in ATDB.
    """

    def __init__(self, *, reports_conn_id: str = "atdb_reports", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reports_conn_id = reports_conn_id

    def execute(self, context: Any) -> None:
        """Make and store it."""
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
            self.log.info("The night of %s was reported before, at %s", night.day, write_time(stored.made_at))
        self.log.info(
            "Night of %s: %d observed, %d failures", night.day, stored.observed_count, stored.failures_count
        )

    def _ask(self, night: Night) -> dict[str, list[Row]]:
        """Return the rows of each query, by its name."""
        # Imported late: a DAG file that is read every minute stays light.
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
        detail = (
            f"The report of the night of {night.day} failed: {' '.join(str(error).split())}. Read the log of the "
            f"DAG night_report in Airflow, then run it with the night {night.day}."
        )
        event = NewEvent(key=f"night_report/{night.day}", kind=EventKind.FAILURE, detail=detail[:4000])
        with suppress(AtdbError), self.client() as client:
            client.raise_events([event])


def _night_of(context: Any) -> Night:
    """Return the night that the run names, or the last one that had ended when the run was due."""
    if unknown := set(context["dag_run"].conf or {}) - {"night"}:
        raise AirflowFailException(
            f"No report is made: the only parameter is night, not {', '.join(sorted(unknown))}. Run this again."
        )
    given, hour = context["params"]["night"], report_hour()
    if not given:
        return Night.last(context["dag_run"].run_after, hour)
    try:
        night = Night.named(given, hour)
    except ValueError as error:
        raise AirflowFailException(
            f"No report is made: {error}. Run this again with the day on which the night began."
        ) from None
    if night.ends > datetime.now(UTC):
        raise AirflowFailException(
            f"The night of {night.day} has not ended: it ends at {write_time(night.ends)}. A report never "
            "changes, so run this after that."
        )
    return night
