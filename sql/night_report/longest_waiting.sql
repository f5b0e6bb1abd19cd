-- The observations that have waited longest at the end of the night. Those before their start time do not count.
select
    o.task_id as "taskID",
    o.name,
    o.observing_mode,
    o.data_host,
    state.status,
    state.since,
    extract(epoch from cast(%(ends)s as timestamptz) - date_trunc('second', state.since))::double precision as seconds
from reports.states_at(%(ends)s) as state
join reports.observations as o on o.task_id = state.task_id
where not (state.status = 'scheduled' and o.start_time >= %(ends)s)
order by date_trunc('second', state.since), o.task_id
limit %(longest_waiting)s;
