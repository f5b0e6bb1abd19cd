"""An index to find the observation that an owner has worked on
"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    of_tasks = sa.text('owner is not null and dataproduct is null')
    op.create_index('ix_transitions_owner', 'transitions', ['owner', 'id'], unique=False, postgresql_where=of_tasks)


def downgrade() -> None:
    op.drop_index('ix_transitions_owner', table_name='transitions')
