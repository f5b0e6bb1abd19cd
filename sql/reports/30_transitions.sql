create view reports.transitions as
select id, task_id, dataproduct, previous, status, at, actor, owner, reason, forced
from transitions;

comment on view reports.transitions is 'Every change of status of an observation or a data product. Rows are never changed or deleted.';
comment on column reports.transitions.id is 'Is higher for a later change of the same observation';
comment on column reports.transitions.task_id is 'The taskID';
comment on column reports.transitions.dataproduct is 'The filename of the data product that changed. Null if the observation did';
comment on column reports.transitions.previous is 'The status before. Null for the first one';
comment on column reports.transitions.status is 'The status after';
comment on column reports.transitions.at is 'When';
comment on column reports.transitions.actor is 'The account that asked';
comment on column reports.transitions.owner is 'The run or program that worked on it. Null if none was named';
comment on column reports.transitions.reason is 'Why; can be empty. Reasons of ATDB begin with a code';
comment on column reports.transitions.forced is 'Whether an operator forced a change that the lifecycle does not have';
