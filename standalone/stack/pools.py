"""Airflow's pools: how many tasks of each kind can run at once, on all of Airflow's workers together.

An operator can change the pools in Airflow. `[core] parallelism` limits all tasks together; it is more than all
slots, so that the telescope never waits for other work.
"""

#: Maintenance has one slot, so that it never occupies the workers while observations wait.
SLOTS = {"telescope": 16, "specify": 4, "validate": 4, "ingest": 4, "remove": 2, "maintenance": 1}

#: For tasks without a pool of their own: those of reconcile, operate and night_report.
DEFAULT_SLOTS = 8
#: Airflow's own default for `default_pool`: more than can run at once.
SLOTS_OF_AIRFLOW = 128

OTHER_SLOTS = sum(SLOTS.values()) - SLOTS["telescope"] + DEFAULT_SLOTS
