-- The rights of the role `airflow_maintenance` in Airflow's database: it can read and delete rows of the tables
-- that `airflow db clean` cleans, and create the temporary tables of that command. It cannot read connections or
-- variables. Run this file as the owner of the database after each `airflow db migrate`. Tables that an
-- installation does not have are skipped.

-- In earlier versions the role could create functions in `public`; this script must not call them.
set search_path = pg_catalog, pg_temp;

-- PostgreSQL finds functions in `public` for the owner: a role that creates one there can act as the owner. So this
-- role creates in a schema of its own, which is in no other role's search path.
create schema if not exists maintenance;
grant usage, create on schema maintenance to airflow_maintenance;
grant usage on schema public to airflow_maintenance;
revoke create on schema public from airflow_maintenance, public;

do $$
declare
    cleaned text;
    created regprocedure;
begin
    for created in
        select oid from pg_proc
        where proowner = 'airflow_maintenance'::regrole and pronamespace = 'public'::regnamespace
    loop
        execute format('drop routine if exists %s cascade', created);
    end loop;
    -- Its own tables are excluded: a killed cleanup of an earlier version has left them, and the next one drops them.
    for cleaned in
        select tablename from pg_tables where schemaname = 'public' and tableowner <> 'airflow_maintenance'
    loop
        execute format('revoke all on public.%I from airflow_maintenance', cleaned);
    end loop;
    foreach cleaned in array array[
        '_xcom_archive', 'asset_event', 'callback', 'celery_taskmeta', 'celery_tasksetmeta',
        'connection_test_request', 'dag', 'dag_run', 'dag_version', 'deadline', 'import_error', 'job', 'log',
        'partitioned_asset_key_log', 'revoked_token', 'session', 'task_instance', 'task_instance_history',
        'task_reschedule', 'task_state_store', 'trigger', 'xcom'
    ] loop
        if to_regclass(format('public.%I', cleaned)) is not null then
            execute format('grant select, delete on public.%I to airflow_maintenance', cleaned);
        end if;
    end loop;
    -- The command reads this table to find out which partition keys still belong to a run.
    grant select on public.asset_partition_dag_run to airflow_maintenance;
end $$;
