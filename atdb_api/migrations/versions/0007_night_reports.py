"""Night reports
"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('night_reports',
    sa.Column('night', sa.Date(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('stored_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('observed_count', sa.BigInteger(), nullable=False),
    sa.Column('observed_bytes', sa.BigInteger(), nullable=False),
    sa.Column('failures_count', sa.BigInteger(), nullable=False),
    sa.Column('archived_bytes', sa.BigInteger(), nullable=False),
    sa.Column('full_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('content', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('night', name=op.f('pk_night_reports'))
    )
    op.execute("""
        create trigger night_reports_are_append_only before update or delete or truncate on night_reports
        for each statement execute function refuse_change_of_history()""")


def downgrade() -> None:
    op.drop_table('night_reports')
