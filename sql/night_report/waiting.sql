-- How many observations have each status at the end of the night, and for how long, in the order of the lifecycle.
with state as (
    select
        task_id,
        status,
        extract(epoch from cast(%(ends)s as timestamptz) - date_trunc('second', since))::double precision as seconds
    from reports.states_at(%(ends)s)
)
select
    state.status,
    count(*) as count,
    percentile_cont(0.5) within group (order by state.seconds) as median_seconds,
    max(state.seconds) as longest_seconds,
    (array_agg(state.task_id order by state.seconds desc, state.task_id))[1] as "longest_taskID"
from state
join reports.statuses as known on known.status = state.status
group by state.status, known.position
order by known.position;
