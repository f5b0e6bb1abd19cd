"""The connection type of ATDB in Airflow's connection form."""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the description of the connection type `atdb`."""
    return {
        "package-name": "atdb",
        "name": "ATDB",
        "description": "The task database of a radio telescope",
        "connection-types": [
            {
                "hook-class-name": "atdb_plugins.hooks.atdb.AtdbHook",
                "hook-name": "ATDB",
                "connection-type": "atdb",
                "ui-field-behaviour": {
                    "hidden-fields": ["extra"],
                    "relabeling": {"login": "Account", "password": "Secret"},
                    "placeholders": {"host": "http://127.0.0.1", "port": "8000"},
                },
            }
        ],
    }
