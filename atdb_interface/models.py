"""Public imports: observations, data products and their histories. Each is defined with its resource.

Clients import from here. In this project, only the example in docs/client.md does.
"""

from atdb_interface.base_models import Forcible, Item, Page, Wire
from atdb_interface.dataproducts import DataProduct, DataProductChange, ForcedRemoval, NewDataProduct
from atdb_interface.observations import NewObservation, Observation, ObservationChange, ObservationFields
from atdb_interface.transitions import Transition

__all__ = [
    "DataProduct",
    "DataProductChange",
    "ForcedRemoval",
    "Forcible",
    "Item",
    "NewDataProduct",
    "NewObservation",
    "Observation",
    "ObservationChange",
    "ObservationFields",
    "Page",
    "Transition",
    "Wire",
]
