"""The size and data host of each observation, and indexes for the orderings and filters of lists
"""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

INDEXES = {
    'ix_observations_end_time': ['end_time'],
    'ix_observations_status_since': ['status_since'],
    'ix_observations_mode_start': ['observing_mode', 'start_time'],
    'ix_observations_name_start': ['name', 'start_time'],
    'ix_observations_data_host_start': ['data_host', 'start_time'],
    'ix_observations_size_start': ['size_bytes', 'start_time'],
}


def upgrade() -> None:
    op.add_column('observations', sa.Column('data_host', sa.Text(), sa.Computed("\"left\"(split_part(data_location, ':'::text, 1), 253)", persisted=True), nullable=False))
    op.add_column('observations', sa.Column('size_bytes', sa.BigInteger(), server_default=sa.text('0'), nullable=False))
    op.execute("""
        update observations set size_bytes = products.size
        from (select observation_id, sum(size) as size from dataproducts group by observation_id) as products
        where products.observation_id = observations.id and products.size > 0""")
    # Products are written with their observation locked, so this waits for no other transaction.
    op.execute("""
        create function add_size_of_product() returns trigger language plpgsql as $$
        declare
            more bigint := (case when tg_op = 'DELETE' then 0 else coalesce(new.size, 0) end)
                         - (case when tg_op = 'INSERT' then 0 else coalesce(old.size, 0) end);
        begin
            if more <> 0 then
                update observations set size_bytes = size_bytes + more
                where id = (case when tg_op = 'DELETE' then old.observation_id else new.observation_id end);
            end if;
            return null;
        end $$""")
    op.execute("""
        create trigger sizes_are_added_up after insert or delete or update of size on dataproducts
        for each row execute function add_size_of_product()""")
    for name, columns in INDEXES.items():
        op.create_index(name, 'observations', columns, unique=False)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name='observations')
    op.execute("drop trigger sizes_are_added_up on dataproducts")
    op.execute("drop function add_size_of_product()")
    op.drop_column('observations', 'size_bytes')
    op.drop_column('observations', 'data_host')
