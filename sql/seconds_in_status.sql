-- How long observations stayed in each status, by day of the change: count, median and maximum in seconds.
with stays as (
    select
        status,
        at,
        lead(at) over (partition by task_id order by id) - at as stay
    from transitions
    where dataproduct is null
)
select
    at::date as day,
    status,
    count(*) as observations,
    percentile_cont(0.5) within group (order by extract(epoch from stay)) as median_seconds,
    max(extract(epoch from stay)) as max_seconds
from stays
where stay is not null
group by day, status
order by day, status;
