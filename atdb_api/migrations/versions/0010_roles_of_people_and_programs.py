"""Roles of people and programs in place of the role service, and the accounts that have created observations
"""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

# What each account with the role service has done: the role that it gets is described in docs/permissions.md. An
# astronomer's edit also adds and edits the data products of the own observation: that is no work of a program.
EVIDENCE = """
    with services as (select name from accounts where role = 'service'),
    moves as (
        select task_id, actor, owner, dataproduct, previous, status from transitions
        where actor in (select name from services)),
    pipelines as (
        select actor as name from moves where owner is not null
            or (dataproduct is not null and previous is not null)
            or (dataproduct is null and (previous, status) in (
                ('defined', 'scheduled'), ('scheduled', 'starting'), ('scheduled', 'error (too late)'),
                ('scheduled', 'error (start obs)'), ('starting', 'error (start obs)'), ('starting', 'running'),
                ('completing', 'checking'), ('checking', 'valid'), ('checking', 'completed'),
                ('checking', 'incomplete'), ('valid', 'ingesting'), ('ingesting', 'archived'),
                ('ingesting', 'ingest error'), ('archived', 'removing'), ('removing', 'removed'),
                ('removing', 'remove error')))
        union select account from claims
        union select for_account from claims
        union select account from leases
        union select actor from events
        union select actor from night_reports
        union select actor from receipts
        union select actor from changes where dataproduct is not null
            and fields ?| array['size', 'checksum', 'identity', 'disk', 'archive_copy']),
    telescopes as (
        select actor as name from moves where (dataproduct is not null and not exists (
                select from observations
                where observations.task_id = moves.task_id and observations.created_by = moves.actor))
            or (previous, status) in (('running', 'completing'), ('running', 'error (no completing)'))),
    astronomers as (
        select actor as name from moves where dataproduct is null and previous is null
        union select actor from changes where task_id is not null and dataproduct is null)
    select name, case
        when name in (select name from pipelines where name is not null) then 'pipeline'
        when name in (select name from telescopes) then
            case when name in (select name from astronomers) then 'pipeline' else 'telescope' end
        else 'astronomer' end as role
    from services order by name"""


def upgrade() -> None:
    op.add_column('observations', sa.Column('created_by', sa.Text(), nullable=True))
    op.execute("""
        update observations set created_by = created.actor
        from (
            select distinct on (task_id) task_id, actor from transitions
            where dataproduct is null and previous is null order by task_id, id) as created
        where created.task_id = observations.task_id""")
    connection = op.get_bind()
    for name, role in connection.execute(sa.text(EVIDENCE)).all():
        connection.execute(sa.text('update accounts set role = :role where name = :name'), {'role': role, 'name': name})
        connection.execute(
            sa.text("""
                insert into changes (actor, action, account, fields, reason) values (
                    'upgrade', 'account changed', :name,
                    jsonb_build_object('role', jsonb_build_array('service', cast(:role as text))),
                    'the role service no longer exists')"""),
            {'role': role, 'name': name},
        )


def downgrade() -> None:
    op.execute("update accounts set role = 'service' where role in ('astronomer', 'telescope', 'pipeline')")
    op.drop_column('observations', 'created_by')
