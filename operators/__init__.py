"""The operators: the work of the DAGs."""
