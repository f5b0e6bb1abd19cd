-- Each transition into a status of the kind `failed` in the night. A return from on hold is not a failure.
select
    o.task_id as "taskID",
    o.name,
    failed.stage,
    t.status as failed_status,
    t.at,
    t.actor,
    left(t.reason, 500) as reason,
    (
        select latest.status
        from reports.transitions as latest
        where latest.task_id = t.task_id and latest.dataproduct is null and latest.at < %(ends)s
        order by latest.id desc
        limit 1
    ) as status
from reports.transitions as t
join reports.statuses as failed on failed.status = t.status and failed.kind = 'failed'
join reports.observations as o on o.task_id = t.task_id
where t.dataproduct is null and t.previous is distinct from 'on hold' and t.at >= %(begins)s and t.at < %(ends)s
order by t.at, t.id;
