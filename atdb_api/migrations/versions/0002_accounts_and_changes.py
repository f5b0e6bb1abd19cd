"""Accounts with passwords and tokens, changes of fields, forced moves, kept answers

The secret of an account becomes a token. In a downgrade, the newest token of each account becomes its secret;
passwords, sessions and the history of changed fields are lost, because the older schema cannot hold them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('transitions', sa.Column('forced', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.create_table('changes',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('task_id', sa.Text(), nullable=True),
    sa.Column('dataproduct', sa.Text(), nullable=True),
    sa.Column('account', sa.Text(), nullable=True),
    sa.Column('fields', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_changes'))
    )
    op.create_index(op.f('ix_changes_at'), 'changes', ['at'], unique=False)
    op.create_index(op.f('ix_changes_task_id'), 'changes', ['task_id'], unique=False)
    op.execute("""
        create or replace function refuse_change_of_history() returns trigger language plpgsql as $$
        begin
            raise exception '% are never changed or deleted', tg_table_name;
        end $$""")
    op.execute("""
        create trigger changes_are_append_only before update or delete or truncate on changes
        for each statement execute function refuse_change_of_history()""")
    op.create_table('tokens',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('account_name', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('is_session', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_name'], ['accounts.name'], name=op.f('fk_tokens_account_name_accounts'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tokens')),
    sa.UniqueConstraint('sha256', name=op.f('uq_tokens_sha256'))
    )
    op.create_index(op.f('ix_tokens_account_name'), 'tokens', ['account_name'], unique=False)
    # Tokens are unique: if two accounts have the same secret, the first by name keeps it.
    op.execute("""
        insert into tokens (account_name, name, sha256, created_at)
        select distinct on (secret_sha256) name, 'its first secret', secret_sha256, created_at
        from accounts order by secret_sha256, name""")
    op.add_column('accounts', sa.Column('password_hash', sa.Text(), nullable=True))
    op.add_column('accounts', sa.Column('disabled', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.drop_column('accounts', 'secret_sha256')
    op.create_table('failed_logins',
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('address', 'account', name=op.f('pk_failed_logins'))
    )
    op.create_table('kept_answers',
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('request_sha256', sa.Text(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('account', 'key', name=op.f('pk_kept_answers'))
    )
    op.create_index(op.f('ix_kept_answers_created_at'), 'kept_answers', ['created_at'], unique=False)


def downgrade() -> None:
    op.drop_table('kept_answers')
    op.drop_table('failed_logins')
    op.add_column('accounts', sa.Column('secret_sha256', sa.Text(), nullable=True))
    op.execute("""
        update accounts set secret_sha256 = coalesce(
            (select sha256 from tokens where account_name = accounts.name and not is_session order by id desc limit 1),
            'nothing has this hash')""")
    op.execute("delete from accounts where disabled")
    op.alter_column('accounts', 'secret_sha256', nullable=False)
    op.drop_column('accounts', 'disabled')
    op.drop_column('accounts', 'password_hash')
    op.drop_table('tokens')
    op.drop_table('changes')
    op.execute("""
        create or replace function refuse_change_of_history() returns trigger language plpgsql as $$
        begin
            raise exception 'transitions are never changed or deleted';
        end $$""")
    op.drop_column('transitions', 'forced')
