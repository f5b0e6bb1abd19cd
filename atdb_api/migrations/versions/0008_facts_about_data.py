"""What is announced of data products, the identity of their data, and their locations in the archive
"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

COLUMNS = {
    'announced_size': sa.BigInteger(),
    'announced_checksum': sa.Text(),
    'identity': sa.Text(),
    'disk': sa.Text(),
    'archive_location': sa.Text(),
}


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column('dataproducts', sa.Column(name, kind, nullable=True))
    op.create_unique_constraint(op.f('uq_dataproducts_archive_location'), 'dataproducts', ['archive_location'])


def downgrade() -> None:
    op.drop_constraint(op.f('uq_dataproducts_archive_location'), 'dataproducts', type_='unique')
    for name in COLUMNS:
        op.drop_column('dataproducts', name)
