-- How long each stage worked: the stays in its working status that ended in the night.
with worked as (
    select
        task_id,
        status,
        extract(epoch from date_trunc('second', left_at) - date_trunc('second', entered_at))::double precision
            as seconds
    from reports.stays
    where left_at >= %(begins)s and left_at < %(ends)s
)
select
    known.stage,
    known.status,
    count(worked.task_id) as count,
    percentile_cont(0.5) within group (order by worked.seconds) as median_seconds,
    percentile_cont(0.95) within group (order by worked.seconds) as p95_seconds,
    max(worked.seconds) as max_seconds,
    (array_agg(worked.task_id order by worked.seconds desc, worked.task_id))[1] as "slowest_taskID"
from reports.statuses as known
left join worked on worked.status = known.status
where known.kind = 'working' or known.status = 'defined'
group by known.stage, known.status, known.position
order by known.position;
