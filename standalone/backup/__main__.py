"""`python -m standalone.backup make | restore | list`: back up both databases, the secrets and the settings."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from standalone.backup import backup_folder, create, restore
from standalone.backup.containers import ContainerInstallation
from standalone.backup.errors import BackupError
from standalone.backup.installation import Installation
from standalone.backup.machine import MachineInstallation
from standalone.backup.manifest import Manifest
from standalone.credentials import CredentialsError
from standalone.settings import Settings, SettingsError


def main() -> int:
    """Run one command and return the exit status: 1 if it failed."""
    chosen = _arguments()
    signal.signal(signal.SIGTERM, _end)
    try:
        return int(chosen.run(chosen))
    except (BackupError, SettingsError, CredentialsError) as error:
        print(error, file=sys.stderr)
    except OSError as error:
        where = error.filename or chosen.folder
        print(f"Cannot read or write {where}: {error.strerror}. Check its permissions and disk.", file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted. Run the command again.", file=sys.stderr)
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m standalone.backup", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("make", help="create a backup, and verify it by restoring it")
    made.add_argument("folder", type=Path, help="the folder of all backups, which must exist")
    made.add_argument("--keep", type=int, metavar="N", help="then delete the oldest backups beyond N")
    made.set_defaults(run=make_backup)
    restored = commands.add_parser("restore", help="replace both databases with those of a backup")
    restored.add_argument("folder", type=Path, metavar="backup", help="the folder of one backup")
    restored.set_defaults(run=restore_backup)
    for each in (made, restored):
        each.add_argument("--compose", action="store_true", help="for the containers (default: for `make up`)")
    listed = commands.add_parser("list", help="list the complete backups")
    listed.add_argument("folder", type=Path, help="the folder of all backups")
    listed.set_defaults(run=show)
    return parser.parse_args()


def make_backup(chosen: argparse.Namespace) -> int:
    """Create a backup, then delete old ones."""
    if chosen.keep is not None and chosen.keep < 1:
        raise BackupError(f"--keep must be 1 or more, not {chosen.keep}.")
    made = create.make(_installation(chosen), chosen.folder)
    print(f"{made}: {_summary(Manifest.read(made))}. Verified by restoring it.")
    if chosen.keep is not None:
        for removed in backup_folder.keep(chosen.folder, chosen.keep):
            print(f"Deleted {removed}.")
    return 0


def restore_backup(chosen: argparse.Namespace) -> int:
    """Restore a backup."""
    installation = _installation(chosen)
    restore.restore(installation, chosen.folder, report=lambda line: print(line, flush=True))
    print(f"Both databases have been restored from {chosen.folder.name}. {installation.next_step}")
    return 0


def show(chosen: argparse.Namespace) -> int:
    """Print a line for each complete backup, the oldest first."""
    for path in backup_folder.complete(chosen.folder):
        print(f"{path.name}  {_summary(Manifest.read(path))}")
    return 0


def _installation(chosen: argparse.Namespace) -> Installation:
    return ContainerInstallation() if chosen.compose else MachineInstallation(Settings.from_environment())


def _summary(manifest: Manifest) -> str:
    size = sum(each.bytes for each in manifest.files.values())
    rows = sum(table.rows for tables in manifest.databases.values() for table in tables.values())
    return f"{manifest.installation}, version {manifest.version}, {size:,} bytes, {rows:,} rows"


def _end(_number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, as Ctrl-C does, so that the command cleans up."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
