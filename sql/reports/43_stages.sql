create view reports.stages as
select stage, paused_by, paused_at, pause_reason, slots, delay_seconds
from stages;

comment on view reports.stages is 'The settings of the stages as they are now.';
comment on column reports.stages.stage is 'The name of the stage';
comment on column reports.stages.paused_by is 'The account that paused it. Null if it is not paused';
comment on column reports.stages.paused_at is 'Since when it has been paused. Null if it is not paused';
comment on column reports.stages.pause_reason is 'Why it is paused. Null if it is not paused, or no reason was written';
comment on column reports.stages.slots is 'The maximum of observations that it claims or works on at once. Null if there is no maximum';
comment on column reports.stages.delay_seconds is 'How long an observation is delayed before this stage takes it, in seconds';
