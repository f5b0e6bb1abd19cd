"""All of ATDB on one machine: database, API, Airflow and telescope simulator, started and stopped together."""
