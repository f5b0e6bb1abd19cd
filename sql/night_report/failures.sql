-- Each transition into a status of the kind `failed` in the night. On hold and back is no failure.
select
    o.task_id as "taskID",
    o.name,
    failed.stage,
    t.status as failed_status,
    t.at,
    t.actor,
    left(t.reason, 500) as reason,
    stay.status
from reports.transitions as t
join reports.statuses as failed on failed.status = t.status and failed.kind = 'failed'
join reports.observations as o on o.task_id = t.task_id
join reports.stays as stay
    on stay.task_id = t.task_id and stay.entered_at < %(ends)s and (stay.left_at is null or stay.left_at >= %(ends)s)
where t.dataproduct is null and t.previous is distinct from 'on hold' and t.at >= %(begins)s and t.at < %(ends)s
order by t.at, t.id;
