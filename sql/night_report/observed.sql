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
    stay.status,
    o.products,
    o.size_bytes
from begun
join reports.observations as o on o.task_id = begun.task_id
join reports.stays as stay
    on stay.task_id = o.task_id and stay.entered_at < %(ends)s and (stay.left_at is null or stay.left_at >= %(ends)s)
order by begun.started_at, o.task_id;
