-- What has been in its status longest: the tasks that a person should look at first.
select task_id, status, now() - status_since as in_status_for, observing_mode, name
from observations
where status not in ('removed', 'aborted', 'scheduled')
order by status_since
limit 100;
