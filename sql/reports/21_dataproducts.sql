create view reports.dataproducts as
select
    task_id,
    filename,
    name,
    description,
    dataproduct_type,
    status,
    created_at,
    size as size_bytes,
    checksum,
    quality,
    node,
    data_location,
    split_part(data_location, ':', 1) as data_host,
    announced_size as announced_size_bytes,
    announced_checksum,
    identity,
    disk,
    archive_location,
    archive_copy,
    archive_identity,
    removal_forced_by,
    removal_forced_reason
from dataproducts;

comment on view reports.dataproducts is 'The data products, with the status that each has now.';
comment on column reports.dataproducts.task_id is 'The taskID of the observation that wrote it';
comment on column reports.dataproducts.filename is 'The name of the file or directory; unique in its observation';
comment on column reports.dataproducts.name is 'The name';
comment on column reports.dataproducts.description is 'The description; can be empty';
comment on column reports.dataproducts.dataproduct_type is 'Such as visibility or timeSeries';
comment on column reports.dataproducts.status is 'The status now';
comment on column reports.dataproducts.created_at is 'When it was defined';
comment on column reports.dataproducts.size_bytes is 'In bytes: as announced until it is validated. Null until it is known';
comment on column reports.dataproducts.checksum is 'SHA-256 of its content, in hexadecimal: as announced until it is validated. Null until it is known';
comment on column reports.dataproducts.quality is 'As recorded. Null if nothing was';
comment on column reports.dataproducts.node is 'As recorded. Null if nothing was';
comment on column reports.dataproducts.data_location is 'Where it is or was written, host:/directory';
comment on column reports.dataproducts.data_host is 'The host of data_location';
comment on column reports.dataproducts.announced_size_bytes is 'The size that was announced when it was defined. Null if none was';
comment on column reports.dataproducts.announced_checksum is 'The checksum that was announced when it was defined. Null if none was';
comment on column reports.dataproducts.identity is 'SHA-256 of the states of its files when they were last read. Null until then';
comment on column reports.dataproducts.disk is 'The identity of the disk on which it was read. Null until then';
comment on column reports.dataproducts.archive_location is 'Its path below the root of the archive, whether or not the archive holds it';
comment on column reports.dataproducts.archive_copy is 'The URL of its copy in the archive. Null if there is none';
comment on column reports.dataproducts.archive_identity is 'The identity of the archive that holds the copy. Null if there is none, or if an earlier version stored it';
comment on column reports.dataproducts.removal_forced_by is 'The admin who allowed it to be deleted unverified. Null if no admin did';
comment on column reports.dataproducts.removal_forced_reason is 'The reason for that. Null if removal_forced_by is';
