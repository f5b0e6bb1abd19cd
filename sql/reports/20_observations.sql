create view reports.observations as
select
    o.task_id,
    o.name,
    o.status,
    o.status_since,
    o.held_from,
    o.priority,
    o.created_at,
    o.task_type,
    o.process_type,
    o.observing_mode,
    o.start_time,
    o.end_time,
    o.duration as duration_seconds,
    o.field_name,
    o.field_ra as field_ra_degrees,
    o.field_dec as field_dec_degrees,
    o.field_ha as field_ha_degrees,
    o.field_beam,
    o.beam_pattern,
    o.integration_factor,
    o.central_frequency as central_frequency_mhz,
    o.start_band,
    o.end_band,
    o.telescopes,
    o.science_mode,
    o.number_of_bins,
    o.data_location,
    o.data_host,
    o.node,
    o.irods_collection,
    o.skip_auto_ingest,
    o.options,
    (select count(*) from dataproducts as p where p.observation_id = o.id) as products,
    o.size_bytes
from observations as o;

comment on view reports.observations is 'The observations, with the status that each has now.';
comment on column reports.observations.task_id is 'The taskID, such as 190405034';
comment on column reports.observations.name is 'The name';
comment on column reports.observations.status is 'The status now';
comment on column reports.observations.status_since is 'Since when it has had this status';
comment on column reports.observations.held_from is 'The status to which it returns. Null unless the status is on hold';
comment on column reports.observations.priority is 'Of the observations that wait, the highest priority is claimed first';
comment on column reports.observations.created_at is 'When its specification was submitted';
comment on column reports.observations.task_type is 'As specified; observation by default';
comment on column reports.observations.process_type is 'As specified; observation by default';
comment on column reports.observations.observing_mode is 'Such as imaging or arts_sc4_survey';
comment on column reports.observations.start_time is 'When it starts';
comment on column reports.observations.end_time is 'When it ends';
comment on column reports.observations.duration_seconds is 'From start to end, in seconds';
comment on column reports.observations.field_name is 'The name of the field on the sky';
comment on column reports.observations.field_ra_degrees is 'Right ascension, in degrees. Null if not specified';
comment on column reports.observations.field_dec_degrees is 'Declination, in degrees. Null if not specified';
comment on column reports.observations.field_ha_degrees is 'Hour angle, in degrees. Null if not specified';
comment on column reports.observations.field_beam is 'The number of the beam that is pointed at the field, from 0. Null if not specified';
comment on column reports.observations.beam_pattern is 'The pattern of beams on the sky. Null if not specified';
comment on column reports.observations.integration_factor is 'As specified. Null if not specified';
comment on column reports.observations.central_frequency_mhz is 'Central frequency, in MHz. Null if not specified';
comment on column reports.observations.start_band is 'The first band. Null if not specified';
comment on column reports.observations.end_band is 'The last band. Null if not specified';
comment on column reports.observations.telescopes is 'The dishes, one character each. Null if not specified';
comment on column reports.observations.science_mode is 'Such as IAB or TAB. Null if not specified';
comment on column reports.observations.number_of_bins is 'As specified. Null if not specified';
comment on column reports.observations.data_location is 'Where its data are written, host:/directory';
comment on column reports.observations.data_host is 'The host of data_location';
comment on column reports.observations.node is 'As specified. Null if not specified';
comment on column reports.observations.irods_collection is 'The collection in the archive. Null if not specified';
comment on column reports.observations.skip_auto_ingest is 'Whether an operator decides about the ingest';
comment on column reports.observations.options is 'What the astronomer wrote and no other column has: an object';
comment on column reports.observations.products is 'The number of its data products';
comment on column reports.observations.size_bytes is 'The size of its data products as far as it is known, in bytes';
