"""Airflow's LocalExecutor with the operators in memory, and with no wait for the tasks of a killed scheduler."""

from importlib import import_module
from pkgutil import walk_packages

from airflow.executors.local_executor import LocalExecutor
from airflow.jobs.job import Job, JobState
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.utils.net import get_hostname
from airflow.utils.session import create_session

import operators


class PreloadedLocalExecutor(LocalExecutor):
    """Import what tasks need before the workers are forked: it takes as long as all else before a task.

    Changed code of operators needs a new scheduler.
    """

    def start(self) -> None:
        """Start the workers."""
        for module in ("airflow.sdk.execution_time.task_runner", "airflow.dag_processing.dagbag", *_operators()):
            import_module(module)
        super().start()
        self._end_jobs_of_killed_schedulers()

    def _end_jobs_of_killed_schedulers(self) -> None:
        """Let the scheduler, which looks for orphaned tasks next, find those of its predecessor.

        By its heartbeat alone, a killed scheduler counts as running for `scheduler_health_check_threshold`. A host
        has one scheduler, so each other one that is recorded here has ended.
        """
        predecessors = (
            Job.job_type == SchedulerJobRunner.job_type,
            Job.state == JobState.RUNNING,
            Job.hostname == get_hostname(),
            Job.id != self.job_id,
        )
        with create_session() as session:
            session.query(Job).where(*predecessors).update({Job.state: JobState.FAILED})


def _operators() -> list[str]:
    return [found.name for found in walk_packages(operators.__path__, f"{operators.__name__}.")]
