"""Airflow's LocalExecutor: operators are imported early, and tasks of a killed scheduler are found at once."""

from importlib import import_module

from airflow.executors.local_executor import LocalExecutor
from airflow.jobs.job import Job, JobState
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.utils.net import get_hostname
from airflow.utils.session import create_session


class PreloadedLocalExecutor(LocalExecutor):
    """Import what tasks need before the workers are forked, and end the jobs of killed schedulers."""

    def start(self) -> None:
        """Start the workers."""
        import_module("operators.preload")
        super().start()
        self._end_jobs_of_killed_schedulers()

    def _end_jobs_of_killed_schedulers(self) -> None:
        """Record that earlier schedulers have ended, before this one looks for orphaned tasks.

        Otherwise a killed scheduler counts as running for `scheduler_health_check_threshold` after its last
        heartbeat. A host has only one scheduler. So all others that are recorded for this host have ended.
        """
        predecessors = (
            Job.job_type == SchedulerJobRunner.job_type,
            Job.state == JobState.RUNNING,
            Job.hostname == get_hostname(),
            Job.id != self.job_id,
        )
        with create_session() as session:
            session.query(Job).where(*predecessors).update({Job.state: JobState.FAILED})
