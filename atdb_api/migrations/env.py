"""How Alembic reaches the database: by the configuration's attributes, or ATDB_DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import NullPool, create_engine

from atdb_api import reports_schema
from atdb_api.models import Base


def changes_the_schema() -> bool:
    """Return whether the command is an upgrade or a downgrade, and not one that only looks."""
    try:
        context.get_revision_argument()
    except KeyError:
        return False
    return True


url = context.config.attributes.get("url") or os.environ["ATDB_DATABASE_URL"]
with create_engine(url, poolclass=NullPool).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        if changes_the_schema():
            reports_schema.drop(connection)
        context.run_migrations()
        is_newest = set(context.get_context().get_current_heads()) == set(context.script.get_heads())
        if changes_the_schema() and is_newest:
            reports_schema.create(connection)
