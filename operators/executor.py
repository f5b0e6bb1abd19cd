"""Airflow's LocalExecutor with the operators in memory: to import them takes as long as all else before a task."""

from importlib import import_module
from pkgutil import walk_packages

from airflow.executors.local_executor import LocalExecutor

import operators


class PreloadedLocalExecutor(LocalExecutor):
    """Import what tasks need before the workers are forked. Changed code of operators needs a new scheduler."""

    def start(self) -> None:
        """Start the workers."""
        for module in ("airflow.sdk.execution_time.task_runner", "airflow.dag_processing.dagbag", *_operators()):
            import_module(module)
        super().start()


def _operators() -> list[str]:
    return [found.name for found in walk_packages(operators.__path__, f"{operators.__name__}.")]
