"""What the DAG maintenance deletes, and for how long it is kept."""
