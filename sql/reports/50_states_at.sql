-- Only observations that have not ended, or that have changed since, can have had such a status at that moment.
create function reports.states_at(moment timestamptz)
returns table (task_id text, status text, since timestamptz)
language sql stable as $$
    select candidate.task_id, latest.status, latest.at
    from (
        select o.task_id from reports.observations as o where o.status not in ('removed', 'aborted')
        union
        select t.task_id from reports.transitions as t where t.dataproduct is null and t.at >= moment
    ) as candidate
    cross join lateral (
        select t.status, t.at
        from reports.transitions as t
        where t.task_id = candidate.task_id and t.dataproduct is null and t.at < moment
        order by t.id desc
        limit 1
    ) as latest
    where latest.status not in ('removed', 'aborted');
$$;

comment on function reports.states_at is 'The observations that were neither removed nor aborted at a moment, and their status then. A change at the moment itself does not count.';
