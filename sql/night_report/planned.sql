-- The observations whose data are still to be written, or are being written, at the end of the night.
select
    o.task_id as "taskID",
    o.observing_mode,
    o.data_host,
    o.start_time as begins,
    o.end_time as ends,
    o.duration_seconds,
    o.products
from reports.states_at(%(ends)s) as state
join reports.observations as o on o.task_id = state.task_id
where
    state.status in ('defined', 'scheduled', 'starting', 'running')
    and o.end_time > %(ends)s and o.start_time < %(forecast_ends)s
order by o.start_time, o.task_id;
