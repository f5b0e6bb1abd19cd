-- Deletes the oldest rows that have been kept for longer than `keep_days`, about `batch` of them.
delete from maintenance.expired_claims where expired_at <= (
    select max(expired_at) from (
        select expired_at from maintenance.expired_claims
        where expired_at < now() - make_interval(days => %(keep_days)s)
        order by expired_at limit %(batch)s
    ) as oldest
);
