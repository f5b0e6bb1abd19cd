create view reports.events as
select id, at, kind, key, task_id, dataproduct, detail, actor
from events;

comment on view reports.events is 'What operators should know of. Rows are never changed or deleted.';
comment on column reports.events.id is 'Is higher for a later event';
comment on column reports.events.at is 'When it was raised';
comment on column reports.events.kind is 'Such as overdue, disagreement, repair, `brake` (the safety limit) or failure';
comment on column reports.events.key is 'Unique: the same key raised again changes nothing';
comment on column reports.events.task_id is 'The taskID that it is about. Null if it is about no observation';
comment on column reports.events.dataproduct is 'The filename of the data product that it is about. Null if it is about none';
comment on column reports.events.detail is 'What happened';
comment on column reports.events.actor is 'The account that raised it';
