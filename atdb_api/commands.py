"""The commands of the server's administrator: `flask --app atdb_api migrate | account ... | token ...`."""

import getpass
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click
from alembic import command
from alembic.util import CommandError
from flask import Flask, current_app
from flask.cli import AppGroup
from psycopg2.errors import InsufficientPrivilege
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from atdb_api.database import transaction
from atdb_api.models import Account, Token
from atdb_api.openapi import permissions
from atdb_api.schema import report_columns
from atdb_api.schema.migrations import alembic_config
from atdb_api.services import accounts
from atdb_interface.characters import in_one_line
from atdb_interface.errors import AtdbError
from atdb_interface.fields import write_time
from atdb_interface.roles import Role

_ROLES = click.Choice([role.value for role in Role])
account = AppGroup("account", help="Create, change, disable and list accounts.")
token = AppGroup("token", help="Create, revoke and list tokens.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(account)
    app.cli.add_command(token)

    @app.cli.command("migrate")
    def _migrate() -> None:
        """Upgrade the database to the newest schema; ATDB_DATABASE_URL must log in as its owner."""
        engine = current_app.extensions["atdb_engine"]
        try:
            command.upgrade(alembic_config(engine.url.render_as_string(hide_password=False)), "head")
        except CommandError as error:
            raise click.ClickException(str(error)) from None
        except (InsufficientPrivilege, ProgrammingError) as error:
            if not isinstance(getattr(error, "orig", error), InsufficientPrivilege):
                raise
            raise click.ClickException(
                f"The role {engine.url.username} cannot upgrade the database: {str(error).splitlines()[0]}. "
                "Set ATDB_DATABASE_URL so that it logs in as the owner of the database."
            ) from None

    @app.cli.command("static-files")
    @click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
    def _static_files(folder: Path) -> None:
        """Copy static files into FOLDER, from which a web server can serve them.

        Their paths are those of their URLs.
        """
        for each in (current_app, *current_app.blueprints.values()):
            if each.static_url_path and each.static_folder:
                target = folder / each.static_url_path.removeprefix("/")
                shutil.copytree(each.static_folder, target, dirs_exist_ok=True)

    @app.cli.command("report-columns")
    def _report_columns() -> None:
        """Print the views for reports, as in docs/reports.md."""
        with current_app.extensions["atdb_engine"].connect() as connection:
            click.echo(report_columns.markdown(connection), nl=False)

    @app.cli.command("permissions")
    def _permissions() -> None:
        """Print which role may call which endpoint, as in docs/permissions.md."""
        click.echo(permissions.markdown(), nl=False)


@contextmanager
def _change() -> Iterator[Session]:
    """Open the transaction of a command; report a refusal without a traceback."""
    try:
        with transaction() as session:
            yield session
    except AtdbError as error:
        raise click.ClickException(str(error)) from None


def _actor() -> str:
    return f"command of {getpass.getuser()}"


@account.command("set")
@click.argument("name")
@click.option("--role", type=_ROLES, help="Role of the account; required for a new account.")
@click.option("--password/--no-password", default=True, help="Read the password from standard input.")
def _set(name: str, role: str | None, password: bool) -> None:
    """Create an account, or change its role or password."""
    given = _password() if password else None
    with _change() as session:
        accounts.put(session, name, role=Role(role) if role else None, password=given, actor=_actor())


def _password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


@account.command("disable")
@click.argument("name")
def _disable(name: str) -> None:
    """Disable an account, so that it cannot log in any more."""
    _set_disabled(name, True)


@account.command("enable")
@click.argument("name")
def _enable(name: str) -> None:
    """Enable a disabled account."""
    _set_disabled(name, False)


def _set_disabled(name: str, disabled: bool) -> None:
    with _change() as session:
        accounts.set_disabled(session, name, disabled, actor=_actor())


@account.command("list")
def _list() -> None:
    """List all accounts."""
    with transaction() as session:
        for row in session.scalars(select(Account).order_by(Account.name)):
            state = "disabled" if row.disabled else "password" if row.password_hash else "tokens only"
            click.echo(f"{row.name:<24}{row.role:<12}{state}")


@token.command("make")
@click.argument("account_name")
@click.argument("purpose")
@click.option(
    "--days", type=click.IntRange(1), default=365, show_default=True, help="Days until the token expires."
)
def _make(account_name: str, purpose: str, days: int) -> None:
    """Create a token for an account, and print its secret, which is shown only once."""
    with _change() as session:
        lifetime = timedelta(days=days)
        _, secret = accounts.make_token(session, account_name, purpose, lifetime, actor=_actor())
    click.echo(secret)


@token.command("revoke")
@click.argument("token_id", type=int)
def _revoke(token_id: int) -> None:
    """Revoke a token: it cannot be used from now on."""
    with _change() as session:
        accounts.revoke(session, accounts.token_by_id(session, token_id), actor=_actor())


@token.command("list")
def _list_tokens() -> None:
    """List all tokens; their secrets are stored nowhere."""
    with transaction() as session:
        for row in session.scalars(select(Token).where(~Token.is_session).order_by(Token.id)):
            end = write_time(row.expires_at) if row.expires_at else "never"
            click.echo(f"{row.id:<8}{row.account_name:<24}{in_one_line(row.name):<32}until {end}")
