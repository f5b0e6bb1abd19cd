"""Alembic's environment: the database comes from the configuration's attributes, or ATDB_DATABASE_URL."""

import os
from contextlib import nullcontext

from alembic import context
from sqlalchemy import NullPool, create_engine

from atdb_api.models import Base
from atdb_api.schema import application_role, locks, maintenance, reports

url = context.config.attributes.get("url") or os.environ["ATDB_DATABASE_URL"]
engine = create_engine(url, poolclass=NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    is_migration = "destination_rev" in context.get_context().opts  # neither `check` nor `current`
    if is_migration:
        locks.wait_for_other_migrations(connection)
    with reports.without_readers(engine) if is_migration else nullcontext(), context.begin_transaction():
        if is_migration:
            reports.drop(connection)
            maintenance.drop(connection)
        context.run_migrations()
        if is_migration and set(context.get_context().get_current_heads()) == set(context.script.get_heads()):
            reports.create(connection)
            maintenance.create(connection)
            application_role.grant(connection)
