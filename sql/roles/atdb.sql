-- The rights of the role `atdb`, as which ATDB's API runs: read, add, change and delete rows. It owns nothing, so
-- it can neither change a table nor switch off the protection of the history, to which it can only add rows.
-- Every upgrade of the database runs this file as the owner, after the migrations and in their transaction.
do $$
declare
    history text;
begin
    if not exists (select from pg_roles where rolname = 'atdb' and rolname <> current_user) then
        return;
    end if;
    revoke all on all tables in schema public from atdb;
    grant usage on schema public to atdb;
    grant select, insert, update, delete on all tables in schema public to atdb;
    grant usage on all sequences in schema public to atdb;
    revoke insert, update, delete on public.alembic_version from atdb;
    foreach history in array array['transitions', 'changes', 'receipts', 'events', 'night_reports'] loop
        execute format('revoke update, delete on public.%I from atdb', history);
    end loop;
end $$;
