"""The stage operators and the listening sensor: the work that the DAGs order."""
