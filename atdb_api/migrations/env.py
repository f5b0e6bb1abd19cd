"""How Alembic reaches the database: by the configuration's attributes, or ATDB_DATABASE_URL."""

import os
from contextlib import nullcontext

from alembic import context
from sqlalchemy import NullPool, create_engine

from atdb_api import application_role, maintenance_schema, reports_schema
from atdb_api.models import Base

url = context.config.attributes.get("url") or os.environ["ATDB_DATABASE_URL"]
engine = create_engine(url, poolclass=NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    is_migration = "destination_rev" in context.get_context().opts  # neither `check` nor `current`
    with reports_schema.without_readers(engine) if is_migration else nullcontext(), context.begin_transaction():
        if is_migration:
            reports_schema.drop(connection)
            maintenance_schema.drop(connection)
        context.run_migrations()
        if is_migration and set(context.get_context().get_current_heads()) == set(context.script.get_heads()):
            reports_schema.create(connection)
            maintenance_schema.create(connection)
            application_role.grant(connection)
