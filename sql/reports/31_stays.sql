-- Each stay that has ended is found from the transition that ended it. So a condition on left_at or task_id uses
-- an index: the report of a night does not read all of the history.
create view reports.stays as
select
    entry.task_id,
    entry.status,
    entry.at as entered_at,
    exit.at as left_at,
    -- The clock of the server may have been set back in between.
    greatest(extract(epoch from exit.at - entry.at), 0)::double precision as seconds,
    entry.previous,
    exit.status as next_status,
    entry.actor,
    entry.owner,
    entry.reason
from transitions as exit
cross join lateral (
    select *
    from transitions as earlier
    where earlier.task_id = exit.task_id and earlier.dataproduct is null and earlier.id < exit.id
    order by earlier.id desc
    limit 1
) as entry
where exit.dataproduct is null
union all
select
    entry.task_id,
    entry.status,
    entry.at,
    null,
    null,
    entry.previous,
    null,
    entry.actor,
    entry.owner,
    entry.reason
from observations as o
cross join lateral (
    select *
    from transitions as latest
    where latest.task_id = o.task_id and latest.dataproduct is null
    order by latest.id desc
    limit 1
) as entry;

comment on view reports.stays is 'Every stay of an observation in a status, also the present one.';
comment on column reports.stays.task_id is 'The taskID';
comment on column reports.stays.status is 'The status in which it stayed';
comment on column reports.stays.entered_at is 'When it entered this status';
comment on column reports.stays.left_at is 'When it left this status. Null if it still has it';
comment on column reports.stays.seconds is 'From entering to leaving, in seconds. Null if it still has it';
comment on column reports.stays.previous is 'The status before. Null for the first one';
comment on column reports.stays.next_status is 'The status after. Null if it still has this one';
comment on column reports.stays.actor is 'The account that asked for the entry';
comment on column reports.stays.owner is 'The run or program that worked on it at the entry. Null if none was named';
comment on column reports.stays.reason is 'The reason for the entry; can be empty';
