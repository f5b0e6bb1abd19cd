-- What the role `airflow_maintenance` may do in Airflow's database: read and delete rows of the tables that
-- `airflow db clean` cleans, and create the tables in which that command keeps rows while it deletes them.
-- It can read neither connections nor variables. To be run by the owner of the database, after each
-- `airflow db migrate`; the tables that an installation does not have are left out.

-- What the role may have created in `public`, when it could, must not be called here.
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
    -- Not of its own tables, which a killed cleanup of a former version has left and the next one drops.
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
    -- Read to find out which keys of partitions still belong to a run.
    grant select on public.asset_partition_dag_run to airflow_maintenance;
end $$;
