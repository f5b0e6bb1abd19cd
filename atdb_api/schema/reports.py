"""The schema `reports`: views on which reports are built, read by a role that can read nothing else.

`sql/reports/` and `statuses_view.py` define the views; a folder of the site defines its own in the schema
`site_reports`. Each upgrade drops the views before the migrations and creates them again afterwards, in the same
transaction, so that no view blocks a migration. The comment on the schema lists what an upgrade has created:
nothing else is ever dropped.
"""

import json
import logging
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
from alembic.util import CommandError
from psycopg2.errors import DependentObjectsStillExist, LockNotAvailable
from sqlalchemy import Connection, Engine, text

from atdb_api.schema import statuses_view

SCHEMA = ROLE = "reports"
SITE_SCHEMA = "site_reports"
#: The setting that names the folder of the site's own views.
SITE_FOLDER = "ATDB_SITE_REPORTS"
VIEWS = Path(__file__).parents[2] / "sql" / "reports"
#: How long an upgrade waits for a session that uses a view and that it may not end.
_PATIENCE = "30s"
#: What can be dropped and created again without loss, in the order in which it is dropped.
_KINDS = ("view", "function")
_LOGGER = logging.getLogger(__name__)

_OBJECTS = text("""
    select case relation.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
            when 'c' then 'type' else 'table' end,
        relation.oid::regclass::text
    from pg_class as relation
    where relation.relnamespace = cast(:schema as regnamespace)
        and relation.relkind in ('v', 'm', 'r', 'p', 'f', 'S', 'c')
    union all
    select 'type', type.oid::regtype::text
    from pg_type as type
    where type.typnamespace = cast(:schema as regnamespace) and type.typtype in ('d', 'e', 'r')
    union all
    select case routine.prokind when 'f' then 'function' else 'procedure' end, routine.oid::regprocedure::text
    from pg_proc as routine
    where routine.pronamespace = cast(:schema as regnamespace)
    order by 1, 2
""")
_CREATED = text("select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = :schema")
_TRANSACTION = text("select pg_current_xact_id()::text")
_ROLE = text("select pg_has_role(oid, 'USAGE') from pg_roles where rolname = :role")
_END_READERS = text("""
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where usename = :role and datname = current_database()
""")


@contextmanager
def without_readers(engine: Engine) -> Iterator[None]:
    """End the sessions of the reading role, and allow it to log in only after the context ends.

    Otherwise a client that reconnects at once would block the upgrade with a view.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(_ROLE, {"role": ROLE}):
            yield
            return
        database = connection.dialect.identifier_preparer.quote(str(engine.url.database))
        try:
            connection.exec_driver_sql(f"revoke connect on database {database} from {ROLE}")
            connection.execute(_END_READERS, {"role": ROLE})
            yield
        finally:
            connection.exec_driver_sql(f"grant connect on database {database} to {ROLE}")


def drop(connection: Connection) -> None:
    """Drop what an upgrade has created in both schemas, and the schemas.

    Raises CommandError if something else depends on the views or lies in the schemas, or if another session uses a
    view for too long.
    """
    existing = [schema for schema in (SITE_SCHEMA, SCHEMA) if _exists(connection, schema)]
    created: dict[str, list[str]] = defaultdict(list)
    for schema in existing:
        for kind, names in json.loads(connection.scalar(_CREATED, {"schema": schema}) or "{}").items():
            created[kind] += names
    statements = [f"drop {kind} if exists {', '.join(created[kind])}" for kind in _KINDS if created[kind]]
    try:
        for statement in (
            f"set local lock_timeout = '{_PATIENCE}'",
            *statements,
            *(f"drop schema {schema}" for schema in existing),
            "set local lock_timeout = default",
        ):
            _execute(connection, statement)
    except DependentObjectsStillExist as error:
        raise CommandError(
            f"Cannot upgrade, because the upgrade drops and creates the views for reports: "
            f"{(error.diag.message_detail or '').replace(chr(10), '; ')}. Drop these, and put the definitions of "
            f"your own views into the folder that {SITE_FOLDER} names (docs/reports.md), then retry."
        ) from None
    except LockNotAvailable:
        raise CommandError(
            f"Cannot upgrade: another session has used a view for reports for more than {_PATIENCE}. "
            "End that session, then retry."
        ) from None


def create(connection: Connection) -> None:
    """Create the views of ATDB and of the site. If the role `reports` exists, allow it to read them.

    Raises CommandError for a file that cannot be run, or creates something other than views and functions.
    """
    _create(connection, SCHEMA, VIEWS, first=statuses_view.definition())
    if site := os.environ.get(SITE_FOLDER):
        _create(connection, SITE_SCHEMA, Path(site))
    if connection.scalar(_ROLE, {"role": ROLE}) is None:
        _LOGGER.warning(
            "The database server has no role %s, so only the owner can read the views for reports. Create the "
            "role (docs/reports.md), then run the upgrade again.",
            ROLE,
        )
        return
    for schema in (SCHEMA, SITE_SCHEMA) if site else (SCHEMA,):
        _execute(connection, f"grant usage on schema {schema} to {ROLE}")
        _execute(connection, f"grant select on all tables in schema {schema} to {ROLE}")


def _create(connection: Connection, schema: str, folder: Path, first: str = "") -> None:
    if not folder.is_dir():
        raise CommandError(f"Cannot create the views in {schema}: there is no folder {folder}.")
    _execute(connection, f"create schema {schema};{first}")
    for path in sorted(folder.glob("*.sql")):
        transaction = connection.scalar(_TRANSACTION)
        try:
            _execute(connection, path.read_text(encoding="utf-8"))
            if connection.scalar(_TRANSACTION) != transaction:
                raise CommandError(f"{path} ends the transaction of the upgrade: only definitions can be in it.")
        except (psycopg2.Error, UnicodeDecodeError) as error:
            raise CommandError(f"Cannot create the views in {path}: {error}") from None
    created: dict[str, list[str]] = defaultdict(list)
    for kind, name in connection.execute(_OBJECTS, {"schema": schema}):
        created[kind].append(name)
    if others := sorted(set(created) - set(_KINDS)):
        raise CommandError(f"{folder} creates a {others[0]} in {schema}: only views and functions can be there.")
    listed = json.dumps(created).replace("'", "''")
    _execute(connection, f"comment on schema {schema} is '{listed}'")


def _exists(connection: Connection, schema: str) -> bool:
    return bool(connection.scalar(text("select to_regnamespace(:schema) is not null"), {"schema": schema}))


def _execute(connection: Connection, statements: str) -> None:
    """Execute statements without parameters: `%` and `:` have no meaning in them."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(statements)
