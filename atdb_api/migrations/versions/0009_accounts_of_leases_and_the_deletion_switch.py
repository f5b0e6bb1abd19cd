"""The accounts of leases and claims, and the deletion switch
"""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    deletion = op.create_table('deletion',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('stopped_by', sa.Text(), nullable=True),
    sa.Column('stopped_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.CheckConstraint('id = 1', name=op.f('ck_deletion_one_row')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deletion'))
    )
    op.bulk_insert(deletion, [{'id': 1}])
    # A lease belongs to the account that has moved the observation for its owner. Work that was taken over has no
    # move of its own, so it belongs to the account of the last move.
    op.add_column('leases', sa.Column('account', sa.Text(), nullable=True))
    op.execute("""
        update leases set account = coalesce((
            select actor from transitions
            where transitions.task_id = observations.task_id and transitions.dataproduct is null
            order by (transitions.owner is not distinct from leases.owner) desc, transitions.id desc limit 1), '')
        from observations where observations.id = leases.observation_id""")
    op.alter_column('leases', 'account', nullable=False)
    # It is not known which accounts have made the claims of earlier versions.
    op.add_column('claims', sa.Column('account', sa.Text(), nullable=True))
    op.add_column('claims', sa.Column('for_account', sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column('claims', 'for_account')
    op.drop_column('claims', 'account')
    op.drop_column('leases', 'account')
    op.drop_table('deletion')
