"""The database server, with each login whose password is here."""

from collections.abc import Iterator
from contextlib import closing

import psycopg2

from standalone.doctor.location import Location
from standalone.doctor.results import CheckResult, failed, not_checked, warning, well
from standalone.stack import database
from standalone.stack.preparation import migrated

SUBJECT = "database"
#: The share of connections in use above which the server may soon refuse some.
_FULL = 0.9
#: The database of each login.
_DATABASES = {
    "postgres": "postgres",
    "atdb_owner": "atdb",
    "atdb": "atdb",
    "reports": "atdb",
    "maintenance": "atdb",
    "airflow": "airflow",
    "airflow_maintenance": "airflow",
}


def check(place: Location) -> Iterator[CheckResult]:
    """Log in as each role whose password is here."""
    server = f"PostgreSQL at {place.settings.postgres_host}:{place.settings.postgres_port}"
    accepted = []
    for role in (role for role in _DATABASES if role in place.credentials.postgresql):
        try:
            with (
                closing(database.connect(place.settings, place.credentials, role, _DATABASES[role])) as opened,
                opened.cursor() as cursor,
            ):
                cursor.execute(_LOAD)
                version, used, most = cursor.fetchone() or ("", 0, 1)
        except psycopg2.Error as error:
            reason = str(error).strip().partition("\n")[0]
            if _is_unreachable(error):
                yield failed(
                    SUBJECT,
                    f"{server} does not respond: {reason}",
                    f"{place.look_at('postgres')}. If it does not run, start it with {place.start('postgres')}.",
                )
                return
            yield failed(
                SUBJECT,
                f"{server} refuses {role} in the database {_DATABASES[role]}: {reason}",
                f"Run {place.prepare(_DATABASES[role])}: this creates a missing role or database, and sets the "
                f"password to that in {place.settings.credentials}.",
            )
        else:
            accepted.append(role)
    if not accepted:
        return
    yield well(SUBJECT, f"{server}, version {version}, accepts {', '.join(accepted)}")
    yield _of_airflow(place)
    if used > _FULL * most:
        yield warning(
            SUBJECT,
            f"{used} of {most} connections are in use",
            "Look for a program that keeps connections open: `select usename, application_name, count(*) from "
            "pg_stat_activity group by 1, 2`.",
        )


def _of_airflow(place: Location) -> CheckResult:
    """Report whether Airflow's database was migrated to the version here; only the superuser can read this."""
    if "postgres" not in place.credentials.postgresql:
        return not_checked(
            SUBJECT,
            "without the logins of the owners, Airflow's migrations are not visible here",
            "On the host, run `docker compose ps -a`: migrate and migrate-airflow must have exited with code 0.",
        )
    note = database.note(place.settings, place.credentials, "airflow")
    if note == migrated():
        return well("migrations", f"Airflow's database was {note}")
    seen = f"Airflow's database was {note or 'never migrated'}; it must be {migrated()}"
    return failed("migrations", seen, f"Run {place.prepare('airflow')}.")


_LOAD = """
SELECT current_setting('server_version'),
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    current_setting('max_connections')::int
"""


def _is_unreachable(error: psycopg2.Error) -> bool:
    """Return whether the server could not be reached at all, so that other logins need not be tried.

    libpq has no code for this. If the server itself refuses, its message has FATAL.
    """
    return isinstance(error, psycopg2.OperationalError) and "FATAL" not in str(error)
