-- How long observations stayed in each status, by the day on which they left it: count, median and maximum in seconds.
select
    left_at::date as day,
    status,
    count(*) as observations,
    percentile_cont(0.5) within group (order by seconds) as median_seconds,
    max(seconds) as max_seconds
from reports.stays
where left_at is not null
group by day, status
order by day, status;
