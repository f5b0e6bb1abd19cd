-- The data rate of each observing mode in the schedule: the median of its latest observations that had ended.
with modes as (
    select distinct o.observing_mode
    from reports.states_at(%(ends)s) as state
    join reports.observations as o on o.task_id = state.task_id
    where state.status in ('defined', 'scheduled', 'starting', 'running')
)
select
    modes.observing_mode,
    count(*) as observations,
    percentile_cont(0.5) within group (order by written.rate) as bytes_per_second_per_product
from modes
cross join lateral (
    select o.size_bytes::double precision / o.duration_seconds / sized.products as rate
    from reports.observations as o
    cross join lateral (
        select count(*) as products
        from reports.dataproducts as p
        where p.task_id = o.task_id and p.size_bytes > 0
    ) as sized
    where
        o.observing_mode = modes.observing_mode and o.end_time <= %(ends)s
        and o.size_bytes > 0 and sized.products > 0
    order by o.start_time desc
    limit %(latest)s
) as written
group by modes.observing_mode
order by modes.observing_mode;
