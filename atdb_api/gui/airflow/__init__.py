"""The pages to which Airflow links: one for a DAG, one for a run."""
