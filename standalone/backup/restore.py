"""Restore a backup: the present databases stay until the whole backup is on the server beside them."""

import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from standalone.backup import backup_folder, create, scratch_databases
from standalone.backup.errors import BackupError
from standalone.backup.installation import Installation
from standalone.backup.manifest import Manifest
from standalone.backup.postgresql import Session
from standalone.files import write_private
from standalone.stack.database import OWNERS


def restore(installation: Installation, backup: Path, *, report: Callable[[str], None]) -> None:
    """Replace both databases by those of a backup, and put back the files that are missing.

    The services are stopped and stay so. Raises BackupError; then the databases are as they were before.
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
        _require_version(installation, written)
        scratch_databases.end_leftovers(installation)
        for database, owner in OWNERS.items():
            installation.prepare_role(owner)
            # After a failure; else it has the name of the present.
            entered.callback(
                scratch_databases.drop,
                installation,
                scratch_databases.named(database, scratch_databases.RESTORING),
            )
            empty = scratch_databases.create(installation, database, scratch_databases.RESTORING)
            create.compare(installation, written, database, empty, backup)
            with Session(installation, empty, owner) as session:
                session.execute("analyze")  # a dump holds no statistics, without which queries may be slow
            rows = sum(each.rows for each in written.databases[database].values())
            report(f"Restored {database} beside the present one: {rows:,} rows.")
        scratch_databases.swap(installation)


def _require_dumps(written: Manifest, backup: Path) -> None:
    """Raise BackupError if the manifest does not name what a restore needs."""
    needed = {create.SECRETS, *map(create.dump_of, OWNERS)}
    if missing := needed - written.files.keys() | OWNERS.keys() - written.databases.keys():
        raise BackupError(f"{backup} is not complete: {', '.join(sorted(missing))}. Choose another backup.")


def _put_back_files(installation: Installation, backup: Path, report: Callable[[str], None]) -> None:
    """Copy each file of the site that is missing; one that is there stays as it is."""
    for name in installation.files:
        kept = backup / name
        path = installation.files[name]  # looked up late: one file may name the folder of another
        if not kept.exists():
            continue
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy(kept, path)
            report(f"Put back {path}.")
        elif path.read_bytes() != kept.read_bytes():
            report(f"{path} stays as it is; that of the backup differs: {kept}.")


def _put_back_secrets(installation: Installation, kept: Path, report: Callable[[str], None]) -> None:
    """Copy the secrets if there are none; else add to the present ones the key that Airflow's tables need.

    Passwords stay: each start gives those of the secrets to the roles and accounts. What Airflow has encrypted can
    only be read with the Fernet key of that time. Airflow encrypts with the first key of a list, and decrypts with
    each of them.
    """
    path = installation.secrets
    if not path.exists():
        write_private(path, kept.read_text(encoding="utf-8"))
        report(f"Put back {path}.")
        return
    known, former = (json.loads(each.read_text(encoding="utf-8")) for each in (path, kept))
    keys = known["airflow_keys"]["fernet_key"].split(",")
    added = [key for key in former["airflow_keys"]["fernet_key"].split(",") if key not in keys]
    if added:
        known["airflow_keys"]["fernet_key"] = ",".join([*keys, *added])
        write_private(path, json.dumps(known, indent=2) + "\n")
        report(f"Added Airflow's Fernet key of the backup to {path}; the passwords in it stay.")


def _require_version(installation: Installation, written: Manifest) -> None:
    """Raise BackupError if the server is of an older major version than the one that was backed up."""
    present = scratch_databases.server_version(installation)
    if int(present.split(".")[0]) < int(written.postgresql.split(".")[0]):
        raise BackupError(
            f"The backup is of PostgreSQL {written.postgresql} and cannot be restored to {present}. "
            f"Restore it to a server of version {written.postgresql.split('.')[0]} or later."
        )
