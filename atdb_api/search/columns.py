"""The columns by which observations, data products and transitions can be searched, now and in the past."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select, type_coerce

from atdb_api.models import Change, DataProduct, Event, Observation, Receipt, StatusText, Transition
from atdb_api.search.field_map import FieldMap
from atdb_api.search.filters import Column, Columns, Related
from atdb_api.search.overdue import is_overdue
from atdb_interface.changes import Change as ChangeModel
from atdb_interface.dataproducts import DataProduct as DataProductModel
from atdb_interface.events import Event as EventModel
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation as ObservationModel
from atdb_interface.receipts import Receipt as ReceiptModel
from atdb_interface.transitions import Transition as TransitionModel

OBSERVATION_FIELDS = FieldMap(
    Observation,
    ObservationModel,
    {
        "taskID": "task_id",
        "my_status": "status",
        "creationTime": "created_at",
        "starttime": "start_time",
        "endtime": "end_time",
        "beamPattern": "beam_pattern",
    },
)
PRODUCT_FIELDS = FieldMap(
    DataProduct,
    DataProductModel,
    {
        "taskID": "task_id",
        "my_status": "status",
        "creationTime": "created_at",
        "generatedByObservation": "observation_id",
    },
)
TRANSITION_FIELDS = FieldMap(
    Transition, TransitionModel, {"taskID": "task_id", "name": "status", "timestamp": "at"}
)
#: Names in append-only tables.
_RECORD_NAMES = {"taskID": "task_id", "timestamp": "at"}
CHANGE_FIELDS = FieldMap(Change, ChangeModel, _RECORD_NAMES)
RECEIPT_FIELDS = FieldMap(Receipt, ReceiptModel, _RECORD_NAMES)
EVENT_FIELDS = FieldMap(Event, EventModel, _RECORD_NAMES)

_PRODUCTS = Related(DataProduct.id, DataProduct.observation_id == Observation.id)
_OF_OBSERVATION = (Transition.task_id == Observation.task_id) & Transition.dataproduct.is_(None)
_OF_PRODUCT = (Transition.task_id == DataProduct.task_id) & (Transition.dataproduct == DataProduct.filename)

#: The columns by which lists can be filtered: the fields, and columns of other tables.
OBSERVATION_COLUMNS: Columns = {
    **OBSERVATION_FIELDS.columns,
    "new_status": Observation.status,
    "overdue": is_overdue(Observation.status, Observation.status_since, func.now()),
    "size": Observation.size_bytes,
    "data_host": Observation.data_host,
    "status_history": Related(Transition.status, _OF_OBSERVATION),
    "generated_dataproducts": _PRODUCTS,
}
PRODUCT_COLUMNS: Columns = {
    **PRODUCT_FIELDS.columns,
    "new_status": DataProduct.status,
    "status_history": Related(Transition.status, _OF_PRODUCT),
}


def observation_columns(at: datetime | None) -> Columns:
    """Return the columns to filter observations by. With `at`, the statuses are those at that time."""
    if at is None:
        return OBSERVATION_COLUMNS
    products = Related(DataProduct.id, _PRODUCTS.link & (DataProduct.created_at < end_of(at)))
    then = _as_of(at, _OF_OBSERVATION, StatusText(Status)) | {"status_since": status_since(at)}
    overdue = is_overdue(then["my_status"], then["status_since"], at)
    return {**OBSERVATION_COLUMNS, **then, "overdue": overdue, "generated_dataproducts": products}


def product_columns(at: datetime | None) -> Columns:
    """Return the columns to filter data products by. With `at`, the statuses are those at that time."""
    return {**PRODUCT_COLUMNS, **(_as_of(at, _OF_PRODUCT, StatusText(ProductStatus)) if at else {})}


def observation_existed(at: datetime) -> ColumnElement[bool]:
    """Return the condition for observations that existed at a time."""
    return last_before(at, Transition.id, _OF_OBSERVATION).is_not(None)


def product_existed(at: datetime) -> ColumnElement[bool]:
    """Return the condition for data products that existed at a time."""
    return last_before(at, Transition.id, _OF_PRODUCT).is_not(None)


def last_before(at: datetime, column: Column, of: ColumnElement[bool]) -> ScalarSelect[Any]:
    """Return a column of the last transition of an item before or at a time.

    The API shows times in whole seconds.
    """
    last = select(column).where(of, Transition.at < end_of(at)).order_by(Transition.id.desc()).limit(1)
    return last.correlate(Observation, DataProduct).scalar_subquery()


def status_since(at: datetime | None) -> Column:
    """Return the time since which an observation has had its status.

    With `at`, this is its status at that time.
    """
    return last_before(at, Transition.at, _OF_OBSERVATION) if at else Observation.status_since


def _as_of(at: datetime, of: ColumnElement[bool], statuses: StatusText) -> dict[str, Any]:
    status = type_coerce(last_before(at, Transition.status, of), statuses)
    return {
        "my_status": status,
        "new_status": status,
        "status_history": Related(Transition.status, of & (Transition.at < end_of(at))),
    }


def end_of(at: datetime) -> datetime:
    """Return the end of the second that the API shows for a time."""
    return at.replace(microsecond=0) + timedelta(seconds=1)


def observation_values(fields: dict[str, Any]) -> dict[str, Any]:
    """Convert wire fields to values of the observations table, which computes `duration` itself."""
    return {
        OBSERVATION_FIELDS.names.get(name, name): value for name, value in fields.items() if name != "duration"
    }
