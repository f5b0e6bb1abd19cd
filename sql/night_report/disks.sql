-- How full the disk of each data host was at the last report before the end of the night.
select distinct on (data_host) data_host, total_bytes, free_bytes, at as seen_at
from reports.disks
where at < %(ends)s
order by data_host, at desc;
