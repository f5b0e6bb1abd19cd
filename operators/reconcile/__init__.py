"""reconcile: compare ATDB with Airflow, the telescope, the disks and the archive; repair what is safe."""
