create view reports.receipts as
select
    id,
    at,
    task_id,
    dataproduct,
    data_location,
    split_part(data_location, ':', 1) as data_host,
    size as size_bytes,
    checksum,
    archive_copy,
    actor,
    owner,
    forced,
    reason
from receipts;

comment on view reports.receipts is 'What was removed from the data hosts. Rows are never changed or deleted.';
comment on column reports.receipts.id is 'Is higher for a later receipt';
comment on column reports.receipts.at is 'When it was removed';
comment on column reports.receipts.task_id is 'The taskID';
comment on column reports.receipts.dataproduct is 'The filename of the data product';
comment on column reports.receipts.data_location is 'From where it was removed, host:/directory';
comment on column reports.receipts.data_host is 'The host of data_location';
comment on column reports.receipts.size_bytes is 'In bytes. Null if it was not known';
comment on column reports.receipts.checksum is 'SHA-256 of its content, in hexadecimal. Null if it was not known';
comment on column reports.receipts.archive_copy is 'The URL of its copy in the archive. Null if there was none';
comment on column reports.receipts.actor is 'The account that removed it';
comment on column reports.receipts.owner is 'The run or program that removed it. Null if none was named';
comment on column reports.receipts.forced is 'Whether an admin allowed it to be deleted unverified';
comment on column reports.receipts.reason is 'The reason for that; can be empty';
