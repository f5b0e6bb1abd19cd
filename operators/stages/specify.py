"""specify: create the data products of a new observation, and schedule it."""

from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from atdb_interface.expected_products import expected_products
from atdb_interface.lifecycle import OBSERVE, SPECIFY
from operators.base import AtdbOperator, skip_if_refused
from operators.failures import reported
from operators.stages.base import atdb_task_id_of, owner_of


class SpecifyObservationOperator(AtdbOperator):
    """Create the data products that the telescope will write, and schedule the observation."""

    def execute(self, context: Any) -> None:
        """Create what is missing, so that an attempt after a crash continues where the last one ended.

        Skip if another run has scheduled the observation.
        """
        with reported(self, context):
            self._specify(atdb_task_id_of(context), owner_of(context))

    def _specify(self, atdb_task_id: str, owner: str) -> None:
        with self.client() as client:
            observation = client.observation(atdb_task_id)
            with skip_if_refused():
                if observation.my_status is SPECIFY.source:
                    defined = {product.filename for product in client.dataproducts(taskID=atdb_task_id)}
                    missing = [p for p in expected_products(observation) if p.filename not in defined]
                    if missing:
                        client.create_dataproducts(missing)
                scheduled = client.move(atdb_task_id, OBSERVE.source, expect=[SPECIFY.source], owner=owner)
        if scheduled.owner != owner:
            raise AirflowSkipException(f"{atdb_task_id} has status {OBSERVE.source} already")
