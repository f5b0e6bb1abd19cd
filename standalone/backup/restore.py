"""Restore a backup: the present databases stay until the whole backup has been restored beside them."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from standalone.backup import backup_folder, create, scratch_databases
from standalone.backup.errors import BackupError
from standalone.backup.installation import Installation
from standalone.backup.manifest import Manifest
from standalone.backup.postgresql import Session
from standalone.files import write_private
from standalone.stack.database import OWNERS


def restore(installation: Installation, backup: Path, *, report: Callable[[str], None]) -> None:
    """Replace both databases with the databases of a backup, and restore missing files.

    The services are stopped, and stay stopped. Raises BackupError; the databases are unchanged then.
    """
    written = Manifest.read(backup)
    written.check_files(backup)
    _require_dumps(written, backup)
    if written.installation == installation.kind:
        _put_back_files(installation, backup, report)
    installation.lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as entered:
        entered.enter_context(backup_folder.alone(installation.lock))
        _put_back_secrets(installation, backup / create.SECRETS, report)
        installation.secrets_changed()
        entered.enter_context(installation.without_services())
        with _explained(installation):
            _require_version(installation, written)
            scratch_databases.end_leftovers(installation)
            for database, owner in OWNERS.items():
                installation.prepare_role(owner)
                # Only a failed restore leaves this database: the swap gives it another name.
                entered.callback(
                    scratch_databases.drop,
                    installation,
                    scratch_databases.named(database, scratch_databases.RESTORING),
                )
                empty = scratch_databases.create(installation, database, scratch_databases.RESTORING)
                create.compare(installation, written, database, empty, backup)
                with Session(installation, empty, owner) as session:
                    session.execute("analyze")  # a dump has no statistics, and without them queries can be slow
                rows = sum(each.rows for each in written.databases[database].values())
                report(f"Restored {database} beside the present one: {rows:,} rows.")
        scratch_databases.swap(installation)


@contextmanager
def _explained(installation: Installation) -> Iterator[None]:
    """Add to an error from before the swap what state it leaves, and how to start the services again."""
    try:
        yield
    except BackupError as error:
        raise BackupError(
            f"{error}\nThe restore has failed. The services are stopped, and the present databases are unchanged. "
            f"{installation.next_step}"
        ) from None


def _require_dumps(written: Manifest, backup: Path) -> None:
    """Raise BackupError if the manifest lacks a file or database that a restore needs."""
    needed = {create.SECRETS, *map(create.dump_of, OWNERS)}
    if missing := needed - written.files.keys() | OWNERS.keys() - written.databases.keys():
        raise BackupError(f"{backup} lacks {', '.join(sorted(missing))}. Choose another backup.")


def _put_back_files(installation: Installation, backup: Path, report: Callable[[str], None]) -> None:
    """Copy each of the site's files that is missing; an existing file stays as it is."""
    for name in installation.files:
        kept = backup / name
        path = installation.files[name]  # looked up late: one file may name the folder of another
        if not kept.exists():
            continue
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy(kept, path)
            report(f"Restored {path}.")
        elif path.read_bytes() != kept.read_bytes():
            report(f"Kept {path}. The file in the backup differs: {kept}.")


def _put_back_secrets(installation: Installation, kept: Path, report: Callable[[str], None]) -> None:
    """Copy the secrets if there are none; otherwise add the key that Airflow's tables need to the present ones.

    Passwords stay: each start sets the passwords of the roles and accounts from the secrets. Airflow can decrypt a
    value only with the Fernet key with which it was encrypted. If there is a list of keys, Airflow encrypts with
    the first one, and decrypts with all.
    """
    path = installation.secrets
    if not path.exists():
        write_private(path, kept.read_text(encoding="utf-8"))
        report(f"Restored {path}.")
        return
    known, former = (json.loads(each.read_text(encoding="utf-8")) for each in (path, kept))
    keys = known["airflow_keys"]["fernet_key"].split(",")
    added = [key for key in former["airflow_keys"]["fernet_key"].split(",") if key not in keys]
    if added:
        known["airflow_keys"]["fernet_key"] = ",".join([*keys, *added])
        write_private(path, json.dumps(known, indent=2) + "\n")
        report(f"Added the backup's Fernet key of Airflow to {path}; the passwords there stay.")


def _require_version(installation: Installation, written: Manifest) -> None:
    """Raise BackupError if the server has an older major version than the backup."""
    present = scratch_databases.server_version(installation)
    if int(present.split(".")[0]) < int(written.postgresql.split(".")[0]):
        raise BackupError(
            f"The backup is of PostgreSQL {written.postgresql} and cannot be restored to {present}. "
            f"Restore it to a server of version {written.postgresql.split('.')[0]} or later."
        )
