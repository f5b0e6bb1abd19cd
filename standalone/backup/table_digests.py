"""The contents of each table: the number of rows, and a digest of them that does not depend on their order."""

from collections.abc import Mapping
from dataclasses import dataclass

from standalone.backup.errors import BackupError
from standalone.backup.postgresql import Session
from standalone.stack.database import OWNERS

#: Schemas that are not part of a backup. `airflow db clean` moves rows through tables in `maintenance` while it
#: deletes them; the owner of these tables is a role that is less trusted than the owner of the database.
EXCLUDED_SCHEMAS: Mapping[str, tuple[str, ...]] = {"atdb": (), "airflow": ("maintenance",)}

# The text of a row depends on these.
_FORMATS = """
set search_path = pg_catalog;
set timezone = 'UTC';
set datestyle = 'ISO, YMD';
set intervalstyle = 'postgres';
set extra_float_digits = 1;
set bytea_output = 'hex'"""

_TABLES = """
select
    quote_ident(nspname) || '.' || quote_ident(relname), pg_get_userbyid(relowner),
    has_table_privilege(pg_class.oid, 'select')
from pg_class join pg_namespace on pg_namespace.oid = relnamespace
where relkind = 'r' and relpersistence <> 't' and nspname !~ '^pg_' and nspname <> 'information_schema'
    and not nspname = any(string_to_array('{excluded}', ','))
order by 1"""

# Not with a cast to text, which a role may have replaced with a function of its own.
_CONTENTS = """
select count(*), coalesce(sum(hashtextextended(textin(record_out("the row")), 0)::numeric), 0)
from only {table} as "the row" """


@dataclass(frozen=True)
class Table:
    """The number of rows of a table, and the sum of their hashes."""

    rows: int
    digest: str


def contents(session: Session, database: str) -> dict[str, Table]:
    """Return the contents of each table in the transaction of the session, by the table's name with its schema.

    `database` is the name of the database in a stack; on the server, it can have another name. Until the
    transaction ends, the tables are locked against changes of their definition. Raises BackupError for a table
    that cannot be read.
    """
    for statement in _FORMATS.split(";"):
        session.execute(statement)
    excluded = ",".join(EXCLUDED_SCHEMAS[database])
    tables = {}
    for table, owner, is_readable in session.execute(_TABLES.format(excluded=excluded)):
        if is_readable != "t":
            raise BackupError(
                f"Cannot back up the table {table} of {database}: {OWNERS[database]} cannot read it. "
                f"It belongs to {owner}. "
                f"As {owner}: drop table {table}, or grant select on {table} to {OWNERS[database]}"
            )
        ((rows, digest),) = session.execute(_CONTENTS.format(table=table))
        tables[table] = Table(int(rows), digest)
    return tables


def differences(expected: Mapping[str, Table], restored: Mapping[str, Table]) -> list[str]:
    """Return a sentence about each table that differs."""
    sentences = []
    for table in sorted({*expected, *restored}):
        before, after = expected.get(table), restored.get(table)
        if before == after:
            continue
        if before is None or after is None:
            sentences.append(f"{table} is {'missing' if after is None else 'new'}.")
        elif before.rows != after.rows:
            sentences.append(f"{table} has {after.rows} rows, not {before.rows}.")
        else:
            sentences.append(f"The {before.rows} rows of {table} differ.")
    return sentences
