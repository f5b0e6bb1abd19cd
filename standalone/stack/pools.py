"""Airflow's pools: how many tasks of each kind may work at once, on all of Airflow's workers.

An operator may change them in Airflow. `[core] parallelism` limits all tasks together: it is more than all
slots, so that the telescope never waits for other work.
"""

#: Maintenance has one slot, so that it never fills the workers while observations wait.
SLOTS = {"telescope": 16, "specify": 4, "validate": 4, "ingest": 4, "remove": 2, "maintenance": 1}

#: Tasks without a pool of their own: of reconcile, operate and night_report.
DEFAULT_SLOTS = 8
#: What Airflow gives `default_pool` by itself: more than may run at once.
SLOTS_OF_AIRFLOW = 128

OTHER_SLOTS = sum(SLOTS.values()) - SLOTS["telescope"] + DEFAULT_SLOTS
