"""What the tasks of maintenance have in common: the event in ATDB if one finally fails."""

from abc import abstractmethod
from contextlib import suppress
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from atdb_interface.errors import AtdbError
from atdb_interface.overview import EventKind, NewEvent
from atdb_plugins.hooks.atdb import AtdbHook
from operators.reasons import reason_of
from operators.stage import Try


class MaintenanceOperator(BaseOperator):
    """Delete one kind of thing. The last attempt that fails raises an event in ATDB, once a day."""

    def __init__(self, *, atdb_conn_id: str = AtdbHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.atdb_conn_id = atdb_conn_id

    def execute(self, context: Any) -> Any:
        """Delete it, and report how much."""
        try:
            return self.delete()
        except BaseException as error:  # a timeout of Airflow is not an Exception
            if isinstance(error, AirflowFailException) or Try.of(context, self).is_last:
                self._raise_event(context["dag_run"].run_after.date().isoformat(), error)
            raise

    @abstractmethod
    def delete(self) -> Any:
        """Delete what is older than its retention; returns how much was deleted."""

    def _raise_event(self, day: str, error: BaseException) -> None:
        detail = (
            f"Maintenance of {self.task_id} failed: {reason_of(error)[:2000]} What should be deleted stays until a "
            "run succeeds. Read the log of the DAG maintenance in Airflow, correct the cause, and clear the task."
        )
        event = NewEvent(key=f"maintenance/{self.task_id}/{day}", kind=EventKind.FAILURE, detail=detail)
        with suppress(AtdbError), AtdbHook(self.atdb_conn_id).client() as client:
            client.raise_events([event])
