"""What the DAG maintenance deletes, and how long it is kept before."""
