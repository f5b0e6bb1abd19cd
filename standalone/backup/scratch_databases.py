"""Temporary databases, into which a backup is restored before it replaces the stack's databases."""

from standalone.backup.installation import Installation
from standalone.backup.postgresql import APPLICATION_NAME, Session
from standalone.stack.database import OWNERS

#: The name of a temporary database is that of the stack's database, and one of these.
VERIFYING = "verifying"
RESTORING = "restoring"
REPLACED = "replaced"


def named(database: str, purpose: str) -> str:
    """Return the name of the temporary database for a database of the stack."""
    return f"{database}_{purpose}"


def server_version(installation: Installation) -> str:
    """Return the version of the database server, such as 17.6."""
    with Session(installation, "postgres") as session:
        ((version,),) = session.execute("select current_setting('server_version')")
    return version.split()[0]


def create(installation: Installation, database: str, purpose: str) -> str:
    """Create an empty database that only its owner can enter, and return its name.

    Drop a leftover one with this name first.
    """
    name = named(database, purpose)
    with Session(installation, "postgres") as session:
        session.execute(f"drop database if exists {name} with (force)")
        session.execute(f"create database {name} owner {OWNERS[database]} template template0")
        session.execute(f"revoke all on database {name} from public")
    return name


def drop(installation: Installation, name: str) -> None:
    """Drop a database, if it exists, and end the sessions in it."""
    with Session(installation, "postgres") as session:
        session.execute(f"drop database if exists {name} with (force)")


def end_leftovers(installation: Installation) -> None:
    """End the sessions that a killed backup or restore has left on the server, and drop its databases.

    The caller holds the installation's lock, so no backup is in progress.
    """
    with Session(installation, "postgres") as session:
        session.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity "  # noqa: S608 - our own
            f"where application_name = '{APPLICATION_NAME}' and pid <> pg_backend_pid()"
        )
        for database in OWNERS:
            for purpose in (VERIFYING, RESTORING, REPLACED):
                session.execute(f"drop database if exists {named(database, purpose)} with (force)")


def swap(installation: Installation) -> None:
    """Replace both present databases with the restored ones in one transaction, and drop the replaced ones.

    Sessions in the present databases end. After an interruption, either both or none have been replaced.
    """
    present = ", ".join(f"'{name}'" for name in OWNERS)
    of_present = f"where datname in ({present})"
    with Session(installation, "postgres") as session:
        session.execute("begin")
        session.execute(f"select pg_terminate_backend(pid, 5000) from pg_stat_activity {of_present}")  # noqa: S608
        names = {name for (name,) in session.execute(f"select datname from pg_database {of_present}")}  # noqa: S608
        for database in OWNERS:
            if database in names:
                session.execute(f"alter database {database} rename to {named(database, REPLACED)}")
            session.execute(f"alter database {named(database, RESTORING)} rename to {database}")
        session.execute("commit")
        for database in OWNERS:
            session.execute(f"drop database if exists {named(database, REPLACED)} with (force)")
