-- The observations that have had their status longest, for an operator to check first.
select task_id, status, now() - status_since as in_status_for, observing_mode, name
from reports.observations
where status not in ('removed', 'aborted', 'scheduled')
order by status_since
limit 100;
