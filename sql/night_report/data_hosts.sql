-- The data that were validated on, archived from and removed from each data host in the night.
with first_times as (
    select t.task_id, t.dataproduct, t.status
    from reports.transitions as t
    where
        t.dataproduct is not null and t.status in ('valid', 'archived')
        and t.at >= %(begins)s and t.at < %(ends)s
        and not exists (
            select from reports.transitions as earlier
            where
                earlier.task_id = t.task_id and earlier.dataproduct = t.dataproduct
                and earlier.status = t.status and earlier.id < t.id
        )
), flows as (
    select p.data_host, t.status as flow, coalesce(p.size_bytes, 0) as size_bytes
    from first_times as t
    join reports.dataproducts as p on p.task_id = t.task_id and p.filename = t.dataproduct
    union all
    select data_host, 'removed', coalesce(size_bytes, 0)
    from reports.receipts
    where at >= %(begins)s and at < %(ends)s
)
select
    data_host,
    count(*) filter (where flow = 'valid') as validated_products,
    coalesce(sum(size_bytes) filter (where flow = 'valid'), 0) as validated_bytes,
    count(*) filter (where flow = 'archived') as archived_products,
    coalesce(sum(size_bytes) filter (where flow = 'archived'), 0) as archived_bytes,
    count(*) filter (where flow = 'removed') as removed_products,
    coalesce(sum(size_bytes) filter (where flow = 'removed'), 0) as removed_bytes
from flows
group by data_host
order by data_host;
