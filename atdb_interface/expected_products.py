"""The data products that an observation writes, according to the instrument in use."""

from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.instruments import instrument
from atdb_interface.observations import Observation


def expected_products(observation: Observation) -> list[NewDataProduct]:
    """Return the data products that the telescope will write for an observation."""
    return [
        NewDataProduct(taskID=observation.taskID, filename=product.filename, dataproduct_type=product.type)
        for product in instrument().products(observation)
    ]
