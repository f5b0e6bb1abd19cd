"""Create years of history, with one statement per table: as many observations as a test of speed needs."""

from sqlalchemy import Connection, text

#: The number of observations with all products and transitions; the others have only the rows that lists read.
IN_FULL = 1000
_OBSERVATIONS = """
    insert into observations (task_id, status, status_since, created_at, name, task_type, process_type,
        observing_mode, start_time, end_time, field_name, data_location, skip_auto_ingest, options,
        size_bytes)
    select to_char(start, 'YYMMDD') || to_char(n % 144 + 1, 'FM000'), status,
        least(start + interval '1 hour', now() - interval '1 minute'),
        start - interval '2 days', 'field ' || n % 500, 'observation', 'observation',
        (array['imaging', 'arts_sc4_survey', 'arts_sc1_timing'])[n % 3 + 1], start, start + interval '8 minutes',
        'field ' || n % 500, (array['wcudata1', 'wcudata2', 'arts001', 'arts041'])[n % 4 + 1] || ':/data', false,
        '{}', case when n < :in_full then 0 else 4 * 10 ^ 9 + n * 1000 end
    from (select n, date_trunc('day', now()) + interval '1 day' - n * interval '10 minutes' as start, case
            when n < 60 then 'scheduled' when n < 80 or n between 500 and 519 then 'valid'
            when n < 90 then 'ingesting' when n < 95 then 'ingest error'
            when n < 100 then 'on hold' when n < 110 then 'aborted'
            else 'removed' end as status
        from generate_series(0, :number - 1) as n) as made"""
_PRODUCTS = """
    insert into dataproducts (observation_id, task_id, status, name, filename, description, dataproduct_type, size,
        data_location)
    select id, task_id, 'valid', task_id || beam, task_id || '_B' || beam || '.MS', '', 'visibility',
        10 ^ 9 + id * 1000, data_location
    from (select * from observations order by start_time desc limit :in_full) as newest,
        generate_series(0, 3) as beam"""
_TRANSITIONS = """
    insert into transitions (task_id, previous, status, at, actor, reason)
    select task_id, null, status, status_since, 'airflow', '' from observations"""
_LEASES = """
    insert into leases (observation_id, owner, account, expires_at, done_bytes, total_bytes)
    select id, 'ingest/run ' || id, 'airflow', now() + interval '1 day', 1, 4 from observations
    where status = 'ingesting'"""


def fill(database: Connection, number: int) -> None:
    """Create a number of observations, ten minutes apart, up to tomorrow; some are not complete."""
    database.execute(text(_OBSERVATIONS), {"number": number, "in_full": IN_FULL})
    database.execute(text(_PRODUCTS), {"in_full": IN_FULL})
    for statement in (_TRANSITIONS, _LEASES):
        database.execute(text(statement))
