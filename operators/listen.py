"""listen: create a run of a stage's DAG for each observation that waits for the stage."""

from typing import Any

from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import StartTriggerArgs

from operators.base import AtdbOperator

#: The connection to Airflow's own API with which runs are created; only the triggerer has it.
AIRFLOW_CONN_ID = "airflow_listen"


class DispatchObservationsOperator(AtdbOperator):
    """Listen to ATDB in the triggerer, without a worker."""

    def __init__(self, *, airflow_conn_id: str = AIRFLOW_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_from_trigger = True
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls="atdb_plugins.triggers.listen.ObservationDispatchTrigger",
            trigger_kwargs={"atdb_conn_id": self.atdb_conn_id, "airflow_conn_id": airflow_conn_id},
            next_method="execute_complete",
        )

    def execute(self, context: Any) -> None:  # noqa: ARG002
        """Refuse to run on a worker."""
        raise AirflowFailException("listen runs in Airflow's triggerer only. Start one, then clear this run.")

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """End a run whose trigger fired before an upgrade; the next run listens."""
