create view reports.statuses as
select status, position, stage, kind
from (values
    ('defined', 1, 'specify', 'waiting'),
    ('scheduled', 2, 'observe', 'waiting'),
    ('starting', 3, 'observe', 'working'),
    ('running', 4, 'observe', 'observing'),
    ('completing', 5, 'validate', 'waiting'),
    ('checking', 6, 'validate', 'working'),
    ('valid', 7, 'ingest', 'waiting'),
    ('completed', 8, null, 'waiting'),
    ('incomplete', 9, 'validate', 'failed'),
    ('ingesting', 10, 'ingest', 'working'),
    ('archived', 11, 'remove', 'waiting'),
    ('removing', 12, 'remove', 'working'),
    ('removed', 13, null, 'final'),
    ('error (too late)', 14, 'observe', 'failed'),
    ('error (start obs)', 15, 'observe', 'failed'),
    ('error (no completing)', 16, 'observe', 'failed'),
    ('ingest error', 17, 'ingest', 'failed'),
    ('remove error', 18, 'remove', 'failed'),
    ('on hold', 19, null, 'held'),
    ('aborted', 20, null, 'final')
) as listed (status, position, stage, kind);

comment on view reports.statuses is 'The statuses of observations, and what each means for the work.';
comment on column reports.statuses.status is 'The status';
comment on column reports.statuses.position is 'Its place in the order of the lifecycle, from 1';
comment on column reports.statuses.stage is 'The stage that waits for this status, works in it, or has failed with it. Null if there is none';
comment on column reports.statuses.kind is 'One of waiting, working, observing, failed, held and final';
