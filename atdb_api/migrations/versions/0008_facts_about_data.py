"""What is announced of data products, the identity of their data, and their places on disks and in the archive
"""

from types import SimpleNamespace

import sqlalchemy as sa
from alembic import op

from atdb_interface.archive_locations import archive_folder
from atdb_interface.instruments import instrument

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
DATA_PATH = (
    "\"left\"(regexp_replace(((data_location || '/'::text) || filename), "
    "'/([.]?/)+'::text, '/'::text, 'g'::text), 600)"
)
# The names that instruments know, where they differ from those of the columns.
WIRE_NAMES = {
    'task_id': 'taskID',
    'start_time': 'starttime',
    'end_time': 'endtime',
    'beam_pattern': 'beamPattern',
    'status': 'my_status',
    'created_at': 'creationTime',
}
AT_ONCE = 5000


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column('dataproducts', sa.Column(name, kind, nullable=True))
    op.add_column('dataproducts', sa.Column('data_path', sa.Text(collation='C'), sa.Computed(DATA_PATH, persisted=True), nullable=False))
    # A size without a checksum was announced: validation records both.
    op.execute("""
        update dataproducts set announced_size = size
        where status in ('defined', 'invalid') and checksum is null and size is not null""")
    fill_archive_locations(op.get_bind())
    op.create_unique_constraint(op.f('uq_dataproducts_archive_location'), 'dataproducts', ['archive_location'])
    op.create_index('ix_dataproducts_data_path', 'dataproducts', ['data_path'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_dataproducts_data_path', table_name='dataproducts')
    op.drop_constraint(op.f('uq_dataproducts_archive_location'), 'dataproducts', type_='unique')
    op.drop_column('dataproducts', 'data_path')
    for name in COLUMNS:
        op.drop_column('dataproducts', name)


def fill_archive_locations(connection: sa.Connection) -> None:
    """Assign the location of each product. The archive keeps what it holds under the former rule."""
    observations = connection.execute(sa.text("""
        select observations.*, products.is_archived
        from observations join (
            select observation_id, bool_or(
                status in ('ingesting', 'ingest error', 'archived', 'removed') or archive_copy is not null
            ) as is_archived
            from dataproducts group by observation_id
        ) as products on products.observation_id = observations.id""")).mappings()
    for some in observations.partitions(AT_ONCE):
        folders = {row['id']: folder(row) for row in some}
        connection.execute(
            sa.text("""
                update dataproducts set archive_location = assigned.folder || '/' || filename
                from unnest(cast(:ids as bigint[]), cast(:folders as text[])) as assigned(id, folder)
                where observation_id = assigned.id"""),
            {'ids': list(folders), 'folders': list(folders.values())},
        )


def folder(row: sa.RowMapping) -> str:
    """Return the folder of an observation in the archive."""
    observation = SimpleNamespace(**{WIRE_NAMES.get(name, name): value for name, value in row.items()})
    if row['is_archived']:
        collection = instrument().archive_folder(observation).strip('/')
        if '..' not in collection.split('/'):
            return f"{collection}/{row['task_id']}"
    return archive_folder(observation)
