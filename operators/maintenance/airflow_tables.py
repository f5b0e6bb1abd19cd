"""maintenance: delete old rows of Airflow's tables with Airflow's own command and a separate login."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from atdb_interface.quantities import count_of
from operators.maintenance.base import MaintenanceOperator
from operators.maintenance.retention import AIRFLOW

#: One transaction deletes this many rows of a table at most.
BATCH_ROWS = 5_000

# Ends a cleanup that a killed task has left running; only sessions of this role are affected.
_END_OTHERS = """
select pg_terminate_backend(pid, 10000) from pg_stat_activity
where usename = current_user and backend_type = 'client backend' and pid <> pg_backend_pid()"""

# The command creates its temporary tables in the first schema and finds Airflow's tables in the second, where this
# role cannot create any. See sql/maintenance/airflow_role.sql.
_SEARCH_PATH = "maintenance,public"

# Tables that a killed cleanup has left behind; earlier versions of ATDB left them in `public`.
_LEFTOVERS = r"""
select schemaname || '.' || quote_ident(tablename) from pg_tables
where schemaname in ('maintenance', 'public') and tableowner = current_user
    and tablename like '\_airflow\_deleted\_\_%'"""

# The oldest row, of all runs that have not ended, that the command would delete by its age.
_OLDEST_UNFINISHED = """
select least(run.start_date, min(task.start_date), min(waiting.created_date)), run.dag_id, run.run_id
from dag_run as run
left join task_instance as task on task.dag_id = run.dag_id and task.run_id = run.run_id
left join trigger as waiting on waiting.id = task.trigger_id
where run.state in ('queued', 'running')
group by run.id
order by 1 nulls last limit 1"""


class CleanAirflowTablesOperator(MaintenanceOperator):
    """Run `airflow db clean`, and return how many old rows it has found and deleted in each table.

    Airflow keeps the last scheduled run of each DAG. Rows that a foreign key deletes as well are not counted.
    """

    def __init__(self, *, conn_id: str = "airflow_maintenance", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self._command: subprocess.Popen[str] | None = None

    def delete(self) -> dict[str, int]:
        """Drop the tables of a killed cleanup, then delete rows that are too old."""
        # Imported late, so that reading the DAG file stays fast.
        from airflow.providers.postgres.hooks.postgres import PostgresHook  # noqa: PLC0415

        before = datetime.now(UTC) - timedelta(days=AIRFLOW.days())
        hook = PostgresHook(self.conn_id, log_sql=False)
        hook.run(_END_OTHERS, autocommit=True)
        for (table,) in hook.get_records(_LEFTOVERS):
            hook.run(f"drop table {table}", autocommit=True)
            self.log.info("Dropped %s, which a killed cleanup has left behind", table)
        before = self._spare_unfinished(hook, before)
        deleted = self._clean(before, _url(hook.get_connection(self.conn_id)))
        for table, rows in sorted(deleted.items()):
            self.log.info("Deleted %s of %s", count_of(rows, "row"), table)
        total = count_of(sum(deleted.values()), "row")
        self.log.info("Deleted %s of Airflow's tables, from before %s", total, before)
        return deleted

    def on_kill(self) -> None:
        """End the command with the task."""
        if self._command is not None:
            self._command.terminate()

    def _spare_unfinished(self, hook: Any, before: datetime) -> datetime:
        """Return the moment before which rows are deleted: earlier than `before` if an older run has not ended."""
        oldest = hook.get_first(_OLDEST_UNFINISHED)
        if oldest is None or oldest[0] is None or oldest[0] >= before:
            return before
        since, dag_id, run_id = oldest
        self.log.warning(
            "The run %s of the DAG %s has not ended since %s, so rows from after that moment are kept too. "
            "If no task works on the run any more, clear it or mark it as failed.",
            *(run_id, dag_id, since),
        )
        return datetime.fromisoformat(since.isoformat())

    def _clean(self, before: datetime, url: str) -> dict[str, int]:
        command = [
            *(sys.executable, "-m", "airflow", "db", "clean"),
            *("--clean-before-timestamp", before.isoformat(), "--batch-size", str(BATCH_ROWS)),
            *("--skip-archive", "--yes", "--error-on-cleanup-failure"),
        ]
        with subprocess.Popen(
            command,
            env=_environment(os.environ, url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as self._command:
            try:
                return self._follow(self._command.stdout or ())
            except BaseException:
                self._command.terminate()
                raise

    def _follow(self, lines: Iterable[str]) -> dict[str, int]:
        """Log what the command prints, and return the rows that it has found in each table."""
        deleted, table = {}, ""
        for line in lines:
            self.log.info("%s", line.rstrip())
            if checked := re.match(r"Checking table (\S+)", line):
                table = checked[1]
            elif counted := re.match(r"Found (\d+) rows meeting deletion criteria", line):
                deleted[table] = int(counted[1])
        if self._command is not None and self._command.wait() != 0:
            raise RuntimeError(
                f"airflow db clean failed with exit code {self._command.returncode}; its last lines are above. "
                "What it had deleted before stays deleted, and the next run continues."
            )
        return deleted


def _environment(inherited: Mapping[str, str], url: str) -> dict[str, str]:
    """Return the environment of a task without its connections, but with the URL of Airflow's database.

    Airflow replaces that URL in the environment of a task, so that no task can reach its database.
    """
    blocked = ("AIRFLOW__CORE__SQL_ALCHEMY_CONN", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC")
    kept = {n: v for n, v in inherited.items() if not n.startswith("AIRFLOW_CONN_") and n not in blocked}
    return {**kept, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url, "PGOPTIONS": f"-c search_path={_SEARCH_PATH}"}


def _url(connection: Any) -> str:
    login, password = (quote(text or "", safe="") for text in (connection.login, connection.password))
    return (
        f"postgresql+psycopg2://{login}:{password}@{connection.host}:{connection.port or 5432}/{connection.schema}"
    )
