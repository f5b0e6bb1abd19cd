"""Stages that can be paused, receipts of removals, events, heartbeats, and the progress of work

A downgrade drops receipts and events, because the older schema cannot hold them. Dump them first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('dataproducts', sa.Column('archive_copy', sa.Text(), nullable=True))
    op.add_column('dataproducts', sa.Column('removal_forced_by', sa.Text(), nullable=True))
    op.add_column('dataproducts', sa.Column('removal_forced_reason', sa.Text(), nullable=True))
    op.add_column('leases', sa.Column('began_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False))
    op.add_column('leases', sa.Column('done_bytes', sa.BigInteger(), nullable=True))
    op.add_column('leases', sa.Column('total_bytes', sa.BigInteger(), nullable=True))
    op.add_column('leases', sa.Column('trouble', sa.Text(), nullable=True))
    op.add_column('leases', sa.Column('trouble_since', sa.DateTime(timezone=True), nullable=True))
    stages = op.create_table('stages',
    sa.Column('stage', sa.Text(), nullable=False),
    sa.Column('paused_by', sa.Text(), nullable=True),
    sa.Column('paused_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('pause_reason', sa.Text(), nullable=True),
    sa.Column('slots', sa.Integer(), nullable=True),
    sa.Column('delay_seconds', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.PrimaryKeyConstraint('stage', name=op.f('pk_stages'))
    )
    op.bulk_insert(stages, [{'stage': stage} for stage in ('specify', 'observe', 'validate', 'ingest', 'remove')])
    op.create_table('receipts',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('task_id', sa.Text(), nullable=False),
    sa.Column('dataproduct', sa.Text(), nullable=False),
    sa.Column('data_location', sa.Text(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=True),
    sa.Column('checksum', sa.Text(), nullable=True),
    sa.Column('archive_copy', sa.Text(), nullable=True),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('owner', sa.Text(), nullable=True),
    sa.Column('forced', sa.Boolean(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_receipts'))
    )
    op.create_index(op.f('ix_receipts_at'), 'receipts', ['at'], unique=False)
    op.create_index(op.f('ix_receipts_task_id'), 'receipts', ['task_id'], unique=False)
    op.create_table('events',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('task_id', sa.Text(), nullable=True),
    sa.Column('dataproduct', sa.Text(), nullable=True),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_events')),
    sa.UniqueConstraint('key', name=op.f('uq_events_key'))
    )
    op.create_index(op.f('ix_events_at'), 'events', ['at'], unique=False)
    op.create_index(op.f('ix_events_task_id'), 'events', ['task_id'], unique=False)
    for table in ('receipts', 'events'):
        op.execute(f"""
            create trigger {table}_are_append_only before update or delete or truncate on {table}
            for each statement execute function refuse_change_of_history()""")
    op.create_table('services',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('statuses', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('last_seen', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_services'))
    )
    op.create_table('disk_usages',
    sa.Column('data_host', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('total_bytes', sa.BigInteger(), nullable=False),
    sa.Column('free_bytes', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('data_host', 'at', name=op.f('pk_disk_usages'))
    )


def downgrade() -> None:
    op.drop_table('disk_usages')
    op.drop_table('services')
    op.drop_table('events')
    op.drop_table('receipts')
    op.drop_table('stages')
    for column in ('trouble_since', 'trouble', 'total_bytes', 'done_bytes', 'began_at'):
        op.drop_column('leases', column)
    for column in ('removal_forced_reason', 'removal_forced_by', 'archive_copy'):
        op.drop_column('dataproducts', column)
