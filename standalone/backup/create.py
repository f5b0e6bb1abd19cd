"""Create a backup: one snapshot of both databases, verified by restoring it into temporary databases."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from standalone.backup import backup_folder, manifest, postgresql, scratch_databases, table_digests
from standalone.backup.errors import BackupError
from standalone.backup.installation import Installation
from standalone.backup.table_digests import Table
from standalone.stack.database import OWNERS

SECRETS = "secrets.json"
SETTINGS = "settings.env"


def make(installation: Installation, folder: Path) -> Path:
    """Create a backup in an existing folder, and return its path once it is complete and verified.

    Services continue to work. Raises BackupError, or OSError if a file cannot be written; nothing is left then.
    """
    backup_folder.complete(folder)
    installation.require_database()
    moment = datetime.now(UTC)
    name = backup_folder.name_at(moment)
    with backup_folder.alone(installation.lock, folder / ".lock"):
        scratch_databases.end_leftovers(installation)
        with backup_folder.unfinished(folder, name) as unfinished:
            contents = _dump(installation, unfinished)
            _copy_files(installation, unfinished)
            made = _describe(installation, moment, unfinished, contents)
            made.write(unfinished)
            _verify(installation, unfinished)
    return folder / name


def dump_of(database: str) -> str:
    """Return the name of a database's dump file."""
    return f"{database}.dump"


def _dump(installation: Installation, unfinished: Path) -> dict[str, dict[str, Table]]:
    """Write the dumps, and return the contents of each table of each database.

    All snapshots are taken before the first dump, so that they differ in time by an instant only.
    """
    contents = {}
    with ExitStack() as opened:
        sessions = {
            database: opened.enter_context(postgresql.Session(installation, database, role))
            for database, role in OWNERS.items()
        }
        snapshots = {database: _snapshot(session) for database, session in sessions.items()}
        for database, session in sessions.items():
            contents[database] = table_digests.contents(session, database)
            postgresql.dump(
                installation,
                database,
                OWNERS[database],
                snapshot=snapshots[database],
                excluded=table_digests.EXCLUDED_SCHEMAS[database],
                path=unfinished / dump_of(database),
            )
    return contents


def _snapshot(session: postgresql.Session) -> str:
    session.execute("set lock_timeout = '1min'")  # during an upgrade, the backup fails
    session.execute("begin transaction isolation level repeatable read, read only")
    ((snapshot,),) = session.execute("select pg_catalog.pg_export_snapshot()")
    return snapshot


def _copy_files(installation: Installation, unfinished: Path) -> None:
    for name, path in {SECRETS: installation.secrets, **installation.files}.items():
        if path.exists():
            _write(unfinished / name, path.read_bytes())
    if settings := installation.settings():
        _write(unfinished / SETTINGS, settings.encode())


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as stream:
        path.chmod(0o600)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _describe(
    installation: Installation, moment: datetime, unfinished: Path, contents: Mapping[str, Mapping[str, Table]]
) -> manifest.Manifest:
    return manifest.Manifest(
        made=moment.isoformat(timespec="seconds"),
        installation=installation.kind,
        version=_git("describe", "--tags", "--always", "--dirty"),
        commit=_git("rev-parse", "HEAD"),
        postgresql=scratch_databases.server_version(installation),
        files={path.name: manifest.File.of(path) for path in sorted(unfinished.iterdir())},
        databases=contents,
    )


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607
            cwd=Installation.folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def _verify(installation: Installation, unfinished: Path) -> None:
    """Restore each dump into a temporary database, compare all tables, and drop that database."""
    written = manifest.Manifest.read(unfinished)
    written.check_files(unfinished)
    for database in OWNERS:
        with _temporary(installation, database) as temporary:
            compare(installation, written, database, temporary, unfinished)


@contextmanager
def _temporary(installation: Installation, database: str) -> Iterator[str]:
    try:
        yield scratch_databases.create(installation, database, scratch_databases.VERIFYING)
    finally:
        scratch_databases.drop(installation, scratch_databases.named(database, scratch_databases.VERIFYING))


def compare(
    installation: Installation, written: manifest.Manifest, database: str, empty: str, backup: Path
) -> None:
    """Restore a database's dump into an empty database; raises BackupError if a table differs."""
    role = OWNERS[database]
    postgresql.restore(installation, empty, role, backup / dump_of(database))
    with postgresql.Session(installation, empty, role) as session:
        restored = table_digests.contents(session, database)
    if sentences := table_digests.differences(written.databases[database], restored):
        raise BackupError(f"The database {database}, restored from {backup}, differs: {' '.join(sentences)}")
