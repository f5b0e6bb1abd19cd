-- Deletes the oldest rows that have been kept for longer than `keep_days`, about `batch` of them.
delete from maintenance.ended_sessions where ended_at <= (
    select max(ended_at) from (
        select ended_at from maintenance.ended_sessions
        where ended_at < now() - make_interval(days => %(keep_days)s)
        order by ended_at limit %(batch)s
    ) as oldest
);
