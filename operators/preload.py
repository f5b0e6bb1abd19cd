"""Import what tasks need before the workers are forked: the import takes as long as all other work before a task.

Airflow's LocalExecutor and Celery's workers import this module. If the code of the operators changes, restart the
scheduler or the workers.
"""

from importlib import import_module
from pkgutil import walk_packages

import operators
from atdb_interface.instruments import instrument

_OF_AIRFLOW = ("airflow.sdk.execution_time.task_runner", "airflow.dag_processing.dagbag")
_OF_EXECUTORS = ("operators.executor", "operators.preload")
_OPERATORS = [info.name for info in walk_packages(operators.__path__, f"{operators.__name__}.")]

for module in (*_OF_AIRFLOW, *_OPERATORS):
    if module not in _OF_EXECUTORS:
        import_module(module)
instrument()
