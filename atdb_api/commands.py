"""The commands of the server's administrator: `flask --app atdb_api migrate` and `... account`."""

import sys
from pathlib import Path

import click
from alembic import command
from alembic.config import Config as AlembicConfig
from flask import Flask, current_app

from atdb_api.database import transaction
from atdb_api.roles import Role
from atdb_api.services import accounts


def alembic_config(url: str) -> AlembicConfig:
    """Point Alembic at this package's migrations and at a database."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    return config


def init_app(app: Flask) -> None:
    """Register the commands."""

    @app.cli.command("migrate")
    def _migrate() -> None:
        """Bring the database to the newest schema."""
        engine = current_app.extensions["atdb_engine"]
        command.upgrade(alembic_config(engine.url.render_as_string(hide_password=False)), "head")

    @app.cli.command("account")
    @click.argument("name")
    @click.option(
        "--role", required=True, type=click.Choice([r.name.lower() for r in Role]), help="What it may do."
    )
    def _account(name: str, role: str) -> None:
        """Make an account or change it; its secret is read from standard input."""
        with transaction() as session:
            accounts.put(session, name, Role[role.upper()], sys.stdin.readline().strip())
