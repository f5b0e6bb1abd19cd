-- What the role `airflow_maintenance` may do in Airflow's database: read and delete rows of the tables that
-- `airflow db clean` cleans, and create the tables in which that command keeps rows while it deletes them.
-- It can read neither connections nor variables. To be run by the owner of the database, after each
-- `airflow db migrate`; the tables that an installation does not have are left out.

grant usage, create on schema public to airflow_maintenance;

do $$
declare
    cleaned text;
begin
    revoke all on all tables in schema public from airflow_maintenance;
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
