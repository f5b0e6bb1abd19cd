-- The observations that entered `running` in the night.
with begun as (
    select task_id, min(at) as started_at
    from reports.transitions
    where dataproduct is null and status = 'running' and at >= %(begins)s and at < %(ends)s
    group by task_id
)
select
    o.task_id as "taskID",
    o.name,
    o.observing_mode,
    o.data_host,
    begun.started_at,
    (
        select max(t.at)
        from reports.transitions as t
        where
            t.task_id = o.task_id and t.dataproduct is null and t.previous = 'running' and t.status = 'completing'
            and t.at > begun.started_at and t.at < %(ends)s
    ) as completed_at,
    (
        select latest.status
        from reports.transitions as latest
        where latest.task_id = o.task_id and latest.dataproduct is null and latest.at < %(ends)s
        order by latest.id desc
        limit 1
    ) as status,
    o.products,
    o.size_bytes
from begun
join reports.observations as o on o.task_id = begun.task_id
order by begun.started_at, o.task_id;
