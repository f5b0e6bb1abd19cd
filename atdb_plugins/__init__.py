"""What Airflow needs to speak with ATDB, the telescope, the data hosts and the archive."""
