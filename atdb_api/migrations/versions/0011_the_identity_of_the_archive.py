"""The identity of the archive that holds the copy of a data product
"""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('dataproducts', sa.Column('archive_identity', sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column('dataproducts', 'archive_identity')
