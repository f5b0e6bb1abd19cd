"""Airflow's LocalExecutor with the operators in memory, and with no wait for the tasks of a killed scheduler."""

from importlib import import_module

from airflow.executors.local_executor import LocalExecutor
from airflow.jobs.job import Job, JobState
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.utils.net import get_hostname
from airflow.utils.session import create_session


class PreloadedLocalExecutor(LocalExecutor):
    """Import what tasks need before the workers are forked, and end what a killed scheduler has left."""

    def start(self) -> None:
        """Start the workers."""
        import_module("operators.preload")
        super().start()
        self._end_jobs_of_killed_schedulers()

    def _end_jobs_of_killed_schedulers(self) -> None:
        """Record that the predecessors have ended, as the scheduler looks for orphaned tasks next.

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
