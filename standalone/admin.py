"""`python -m standalone.admin account list`: run an administrator's command of the API on this stack."""

import subprocess
import sys

import psycopg2

from standalone.credentials import Credentials
from standalone.settings import Settings, SettingsError
from standalone.stack import database, programs


def main(command_line: list[str]) -> int:
    """Run a command on the database, which must be running; return its exit status."""
    try:
        settings = Settings.from_environment()
        credentials = Credentials.read(settings.credentials)
        database.connect(settings, credentials, database.APPLICATION).close()
    except FileNotFoundError:
        print("There is no stack yet. To start one, run: make up", file=sys.stderr)
        return 1
    except psycopg2.OperationalError as error:
        advice = "If the stack is not running, start it: make up"
        print(f"Cannot connect to the database: {str(error).strip()}\n{advice}", file=sys.stderr)
        return 1
    except (SettingsError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    environment = programs.command_environment(settings, "admin", programs.atdb_environment(settings, credentials))
    flask = [sys.executable, "-m", "flask", "--app", "atdb_api", *command_line]
    return subprocess.run(flask, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
