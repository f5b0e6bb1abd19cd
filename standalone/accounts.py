"""`python -m standalone.accounts`: set the secrets of ATDB's accounts, which it reads from standard input.

It runs ATDB's own command once per account, all in one process, because loading the API takes most of a second.
"""

import io
import json
import sys

from flask.cli import ScriptInfo

from atdb_api import create_app

# The role of each account.
ROLES = {
    "admin": "admin",
    "operator": "operator",
    "astronomer": "astronomer",
    "airflow": "pipeline",
    "operate": "operator",
    "telescope": "telescope",
}


def main() -> None:
    """Create or change each account; the standard input is a JSON object of secrets by account name."""
    secrets: dict[str, str] = json.load(sys.stdin)
    app = create_app()
    for name, role in ROLES.items():
        sys.stdin = io.StringIO(secrets[name])
        app.cli.main(
            ["account", "set", name, "--role", role],
            prog_name="flask",
            obj=ScriptInfo(create_app=lambda: app),
            standalone_mode=False,
        )


if __name__ == "__main__":
    main()
