"""`python -m standalone.admin account list`: run a command of the API's administrator on this stack."""

import subprocess
import sys

import psycopg2

from standalone.credentials import Credentials
from standalone.settings import Settings, SettingsError
from standalone.stack import database, programs


def main(command_line: list[str]) -> int:
    """Run it on the database, which must be running; return its exit status."""
    try:
        settings = Settings.from_environment()
        credentials = Credentials.read(settings.credentials)
        database.connect(settings, credentials, database.APPLICATION).close()
    except FileNotFoundError:
        print("There is no stack yet. Start one: make up", file=sys.stderr)
        return 1
    except psycopg2.OperationalError as error:
        print(f"The database cannot be used: {error}\nIs the stack running? Start it: make up", file=sys.stderr)
        return 1
    except (SettingsError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    environment = programs.command_environment(settings, "admin", programs.atdb_environment(settings, credentials))
    flask = [sys.executable, "-m", "flask", "--app", "atdb_api", *command_line]
    return subprocess.run(flask, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
