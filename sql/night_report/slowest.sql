-- The longest stays in a working status that ended in the night.
select
    o.task_id as "taskID",
    o.name,
    known.stage,
    stay.status,
    stay.entered_at as entered,
    stay.left_at as left,
    extract(epoch from date_trunc('second', stay.left_at) - date_trunc('second', stay.entered_at))::double precision
        as seconds,
    stay.next_status,
    o.size_bytes
from reports.stays as stay
join reports.statuses as known on known.status = stay.status and known.kind = 'working'
join reports.observations as o on o.task_id = stay.task_id
where stay.left_at >= %(begins)s and stay.left_at < %(ends)s
order by seconds desc, o.task_id, stay.entered_at
limit %(slowest)s;
