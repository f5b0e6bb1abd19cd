-- Deletes the oldest rows that have been kept for longer than `keep_days`, about `batch` of them.
delete from maintenance.used_idempotency_keys where used_at <= (
    select max(used_at) from (
        select used_at from maintenance.used_idempotency_keys
        where used_at < now() - make_interval(days => %(keep_days)s)
        order by used_at limit %(batch)s
    ) as oldest
);
