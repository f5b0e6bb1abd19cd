"""`make rotate-secrets`: replace all passwords and keys, of `make up` or of the containers.

It can be interrupted at any moment and run again: it changes the superuser's password without the former one, and
each start sets the passwords of the roles and accounts from the secrets.
"""

import argparse
import sys

from standalone.backup import backup_folder
from standalone.backup.containers import ContainerInstallation
from standalone.backup.errors import BackupError
from standalone.backup.installation import Installation
from standalone.backup.machine import MachineInstallation
from standalone.credentials import Credentials, CredentialsError
from standalone.settings import Settings, SettingsError


def rotate(installation: Installation) -> None:
    """Stop an installation and replace its secrets; raises BackupError if it cannot be stopped."""
    if installation.secrets.exists():
        Credentials.read(installation.secrets)  # a file that cannot be read is found before anything stops
    with backup_folder.alone(installation.lock), installation.stopped():
        Credentials.renew(installation.secrets)
        installation.secrets_changed()
        installation.reset_superuser()


def main() -> int:
    """Replace the secrets, and start the containers that were running; the exit status is 1 after a failure."""
    parser = argparse.ArgumentParser(prog="python -m standalone.rotation", description=__doc__)
    parser.add_argument("--compose", action="store_true", help="for the containers (default: for `make up`)")
    try:
        if not parser.parse_args().compose:
            rotate(MachineInstallation(Settings.from_environment()))
            print("All passwords and keys are new. To start the stack, run: make up")
            return 0
        containers = ContainerInstallation()
        running = containers.running()
        rotate(containers)
        if set(running) <= {"postgres"}:
            print("All passwords and keys are new. To start the containers, run: docker compose up -d")
            return 0
        containers.start(running)
        print("All passwords and keys are new. The containers that were running are starting.")
    except (BackupError, SettingsError, CredentialsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
