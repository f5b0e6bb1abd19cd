"""How Alembic reaches the database: by the configuration's attributes, or ATDB_DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import NullPool, create_engine

from atdb_api.models import Base

url = context.config.attributes.get("url") or os.environ["ATDB_DATABASE_URL"]
with create_engine(url, poolclass=NullPool).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()
