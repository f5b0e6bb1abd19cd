"""The number of each claim, the claim of an observation, and the problems of services
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('observations', sa.Column('claim_id', sa.Text(), nullable=True))
    op.add_column('observations', sa.Column('claim_numbers', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False))
    op.add_column('services', sa.Column('troubles', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False))
    claimed = sa.text('claimed_until is not null')
    op.create_index('ix_observations_claimed', 'observations', ['claimed_until'], unique=False, postgresql_where=claimed)
    # Claims on which no work has begun stay, so that their consumers find them again.
    op.execute("""
        update observations set claim_id = claims.id from claims
        where observations.claimed_until = claims.expires_at and claims.expires_at > now()
        and claims.tasks @> jsonb_build_array(jsonb_build_object('taskID', observations.task_id))""")


def downgrade() -> None:
    op.drop_index('ix_observations_claimed', table_name='observations')
    op.drop_column('services', 'troubles')
    op.drop_column('observations', 'claim_numbers')
    op.drop_column('observations', 'claim_id')
