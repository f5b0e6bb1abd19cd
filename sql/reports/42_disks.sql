create view reports.disks as
select data_host, at, total_bytes, free_bytes
from disk_usages;

comment on view reports.disks is 'How full the disk of each data host was, at each report of the last seven days.';
comment on column reports.disks.data_host is 'The data host';
comment on column reports.disks.at is 'When it was reported';
comment on column reports.disks.total_bytes is 'The size of the disk, in bytes';
comment on column reports.disks.free_bytes is 'The free space, in bytes';
