"""The pages to which Airflow's links lead: of a DAG, and of a run."""
