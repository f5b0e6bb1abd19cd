"""Everything of ATDB on one machine: database, API, Airflow and telescope, started and stopped together."""
