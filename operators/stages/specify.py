"""specify: an accepted specification gets its data products and is scheduled."""

from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from atdb_interface.errors import Conflict
from atdb_interface.lifecycle import SPECIFY, Status
from atdb_interface.products import expected_products
from atdb_plugins.hooks.atdb import AtdbHook
from operators.failures import reported
from operators.stages.base import owner_of, task_id_of


class SpecifyObservationOperator(BaseOperator):
    """Define the data products that the observation will write, and schedule it."""

    def __init__(self, *, atdb_conn_id: str = AtdbHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.atdb_conn_id = atdb_conn_id

    def execute(self, context: Any) -> None:
        """Define what is missing, so that a try after a crash goes on where the last one ended."""
        with reported(self, context, atdb_conn_id=self.atdb_conn_id):
            self._specify(task_id_of(context), owner_of(context))

    def _specify(self, task_id: str, owner: str) -> None:
        with AtdbHook(self.atdb_conn_id).client() as client:
            observation = client.observation(task_id)
            try:
                if observation.my_status is SPECIFY.source:
                    defined = {product.filename for product in client.dataproducts(taskID=task_id)}
                    missing = [p for p in expected_products(observation) if p.filename not in defined]
                    if missing:
                        client.create_dataproducts(missing)
                client.move(task_id, Status.SCHEDULED, expect=[SPECIFY.source], owner=owner)
            except Conflict as refusal:
                raise AirflowSkipException(str(refusal)) from refusal
