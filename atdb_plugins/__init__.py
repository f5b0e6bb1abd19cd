"""What connects Airflow to ATDB, the telescope and the archive."""
