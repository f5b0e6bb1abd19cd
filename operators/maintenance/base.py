"""What the tasks of maintenance have in common: an event in ATDB if the last attempt fails."""

from abc import abstractmethod
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from atdb_interface.events import EventKind, NewEvent
from atdb_interface.reasons import reason_of
from operators.attempts import Attempt
from operators.base import AtdbOperator


class MaintenanceOperator(AtdbOperator):
    """Delete one kind of data. If the last attempt fails, it raises an event in ATDB, once a day."""

    def execute(self, context: Any) -> Any:
        """Delete what is too old, and return how much was deleted."""
        try:
            return self.delete()
        except BaseException as error:  # a timeout of Airflow is not an Exception
            if isinstance(error, AirflowFailException) or Attempt.of(context, self).is_last:
                self._raise_event(context["dag_run"].run_after.date().isoformat(), error)
            raise

    @abstractmethod
    def delete(self) -> Any:
        """Delete what is older than its retention, and return how much was deleted."""

    def _raise_event(self, day: str, error: BaseException) -> None:
        reason = " ".join(reason_of(error).split())[:2000]
        detail = (
            f"The task {self.task_id} of the DAG maintenance failed: {reason.removesuffix('.')}. Nothing more is "
            f"deleted until it succeeds. Fix the cause, then clear the task in Airflow."
        )
        event = NewEvent(key=f"maintenance/{self.task_id}/{day}", kind=EventKind.FAILURE, detail=detail)
        try:
            with self.client() as client:
                client.raise_events([event])
        except Exception as refusal:  # the first error must not be lost
            self.log.warning("Cannot raise an event in ATDB: %s", refusal)
