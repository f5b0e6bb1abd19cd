"""The commands of ATDB: `atdb` for operators, `atdb_service` for the schedules of astronomers."""
