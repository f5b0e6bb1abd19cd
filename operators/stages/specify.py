"""specify: an accepted specification gets its data products and is scheduled."""

from typing import Any

from atdb_interface.expected_products import expected_products
from atdb_interface.lifecycle import OBSERVE, SPECIFY
from operators.base import AtdbOperator, skip_if_refused
from operators.failures import reported
from operators.stages.base import atdb_task_id_of, owner_of


class SpecifyObservationOperator(AtdbOperator):
    """Define the data products that the observation will write, and schedule it."""

    def execute(self, context: Any) -> None:
        """Define what is missing, so that a try after a crash goes on where the last one ended."""
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
                client.move(atdb_task_id, OBSERVE.source, expect=[SPECIFY.source], owner=owner)
