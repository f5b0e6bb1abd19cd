"""Give ATDB's accounts their secrets: `python -m standalone.accounts`, which reads them from standard input.

It runs ATDB's own command once for each account, all in one process: loading the API takes most of a second.
"""

import io
import json
import sys

from flask.cli import ScriptInfo

from atdb_api import create_app

# What each account may do.
ROLES = {
    "admin": "admin",
    "operator": "operator",
    "astronomer": "service",
    "airflow": "service",
    "telescope": "service",
}


def main() -> None:
    """Make or change each account; the standard input is a JSON object of their secrets by name."""
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
