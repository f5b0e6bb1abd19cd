"""The first schema"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('accounts',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('secret_sha256', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_accounts'))
    )
    op.create_table('claims',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('consumer', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tasks', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claims'))
    )
    op.create_index(op.f('ix_claims_expires_at'), 'claims', ['expires_at'], unique=False)
    op.create_table('observations',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('task_id', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('status_since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('held_from', sa.Text(), nullable=True),
    sa.Column('priority', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('claimed_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('task_type', sa.Text(), nullable=False),
    sa.Column('process_type', sa.Text(), nullable=False),
    sa.Column('observing_mode', sa.Text(), nullable=False),
    sa.Column('start_time', sa.DateTime(timezone=True), nullable=False),
    sa.Column('end_time', sa.DateTime(timezone=True), nullable=False),
    sa.Column('duration', sa.Integer(), sa.Computed('(extract(epoch from (end_time - start_time)))::integer', persisted=True), nullable=False),
    sa.Column('field_name', sa.Text(), nullable=False),
    sa.Column('field_ra', sa.Double(), nullable=True),
    sa.Column('field_dec', sa.Double(), nullable=True),
    sa.Column('field_ha', sa.Double(), nullable=True),
    sa.Column('field_beam', sa.Integer(), nullable=True),
    sa.Column('beam_pattern', sa.Text(), nullable=True),
    sa.Column('integration_factor', sa.Integer(), nullable=True),
    sa.Column('central_frequency', sa.Double(), nullable=True),
    sa.Column('start_band', sa.Integer(), nullable=True),
    sa.Column('end_band', sa.Integer(), nullable=True),
    sa.Column('telescopes', sa.Text(), nullable=True),
    sa.Column('science_mode', sa.Text(), nullable=True),
    sa.Column('number_of_bins', sa.Integer(), nullable=True),
    sa.Column('par_file_name', sa.Text(), nullable=True),
    sa.Column('parset_location', sa.Text(), nullable=True),
    sa.Column('data_location', sa.Text(), nullable=False),
    sa.Column('node', sa.Text(), nullable=True),
    sa.Column('irods_collection', sa.Text(), nullable=True),
    sa.Column('control_parameters', sa.Text(), nullable=True),
    sa.Column('skip_auto_ingest', sa.Boolean(), nullable=False),
    sa.Column('options', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.CheckConstraint('end_time > start_time', name=op.f('ck_observations_end_after_start')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_observations')),
    sa.UniqueConstraint('task_id', name=op.f('uq_observations_task_id'))
    )
    op.create_index('ix_observations_start_time', 'observations', ['start_time'], unique=False)
    op.create_index('ix_observations_status_start', 'observations', ['status', 'start_time'], unique=False)
    op.create_index('uq_observations_mode_field_start', 'observations', ['observing_mode', 'field_name', 'start_time'], unique=True, postgresql_where=sa.text("status <> 'aborted'"))
    op.create_table('task_days',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('last_number', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_task_days'))
    )
    op.create_table('transitions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('task_id', sa.Text(), nullable=False),
    sa.Column('dataproduct', sa.Text(), nullable=True),
    sa.Column('previous', sa.Text(), nullable=True),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('owner', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_transitions'))
    )
    op.create_index('ix_transitions_at', 'transitions', ['at'], unique=False)
    op.create_index('ix_transitions_task', 'transitions', ['task_id', 'dataproduct', 'id'], unique=False)
    op.create_table('dataproducts',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('observation_id', sa.BigInteger(), nullable=False),
    sa.Column('task_id', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('filename', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('dataproduct_type', sa.Text(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=True),
    sa.Column('checksum', sa.Text(), nullable=True),
    sa.Column('quality', sa.Text(), nullable=True),
    sa.Column('node', sa.Text(), nullable=True),
    sa.Column('data_location', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['observation_id'], ['observations.id'], name=op.f('fk_dataproducts_observation_id_observations'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dataproducts')),
    sa.UniqueConstraint('observation_id', 'filename', name=op.f('uq_dataproducts_observation_id'))
    )
    op.create_index('ix_dataproducts_status', 'dataproducts', ['status'], unique=False)
    op.create_index('ix_dataproducts_task_id', 'dataproducts', ['task_id'], unique=False)
    op.create_table('leases',
    sa.Column('observation_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('owner', sa.Text(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lost_owners', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.ForeignKeyConstraint(['observation_id'], ['observations.id'], name=op.f('fk_leases_observation_id_observations'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('observation_id', name=op.f('pk_leases'))
    )
    op.create_index(op.f('ix_leases_expires_at'), 'leases', ['expires_at'], unique=False)
    op.execute("""
        create function refuse_change_of_history() returns trigger language plpgsql as $$
        begin
            raise exception 'transitions are never changed or deleted';
        end $$""")
    op.execute("""
        create trigger transitions_are_append_only before update or delete or truncate on transitions
        for each statement execute function refuse_change_of_history()""")


def downgrade() -> None:
    op.drop_index(op.f('ix_leases_expires_at'), table_name='leases')
    op.drop_table('leases')
    op.drop_index('ix_dataproducts_task_id', table_name='dataproducts')
    op.drop_index('ix_dataproducts_status', table_name='dataproducts')
    op.drop_table('dataproducts')
    op.drop_index('ix_transitions_task', table_name='transitions')
    op.drop_index('ix_transitions_at', table_name='transitions')
    op.drop_table('transitions')
    op.execute("drop function refuse_change_of_history()")
    op.drop_table('task_days')
    op.drop_index('uq_observations_mode_field_start', table_name='observations', postgresql_where=sa.text("status <> 'aborted'"))
    op.drop_index('ix_observations_status_start', table_name='observations')
    op.drop_index('ix_observations_start_time', table_name='observations')
    op.drop_table('observations')
    op.drop_index(op.f('ix_claims_expires_at'), table_name='claims')
    op.drop_table('claims')
    op.drop_table('accounts')
