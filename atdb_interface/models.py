"""Public names of observations, data products and their histories; each is defined with its resource."""

from atdb_interface.dataproducts import DataProduct, DataProductChange, ForcedRemoval, NewDataProduct
from atdb_interface.observations import NewObservation, Observation, ObservationChange, ObservationFields
from atdb_interface.transitions import Transition
from atdb_interface.wire import Forcible, Item, Page, Wire

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
