"""The one place where the names of the tables and the names of the wire meet."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, ScalarSelect, func, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute

from atdb_api.models import (
    Change,
    DataProduct,
    DiskUsage,
    Event,
    Lease,
    Observation,
    Receipt,
    Service,
    StageSetting,
    StatusText,
    StoredReport,
    Token,
    Transition,
)
from atdb_api.search.filters import Column, Columns, Related
from atdb_api.search.overdue import is_overdue
from atdb_interface import (
    changes,
    dataproducts,
    disks,
    events,
    leases,
    night_reports,
    observations,
    receipts,
    services,
    stages,
    tokens,
    transitions,
)
from atdb_interface.lifecycle import ProductStatus, Status

#: The names of the wire that are not those of the tables.
OBSERVATION_NAMES = {
    "taskID": "task_id",
    "my_status": "status",
    "creationTime": "created_at",
    "starttime": "start_time",
    "endtime": "end_time",
    "beamPattern": "beam_pattern",
}
_PRODUCT_NAMES = {
    "taskID": "task_id",
    "my_status": "status",
    "creationTime": "created_at",
    "generatedByObservation": "observation_id",
}
_TRANSITION_NAMES = {"taskID": "task_id", "name": "status", "timestamp": "at"}
_CHANGE_NAMES = {"taskID": "task_id", "timestamp": "at"}

#: Fields of a wire model, and the column behind each.
Fields = dict[str, InstrumentedAttribute[Any]]


def _fields(table: type, model: type[BaseModel], names: dict[str, str]) -> Fields:
    return {
        field: getattr(table, names.get(field, field))
        for field in model.model_fields
        if hasattr(table, names.get(field, field))
    }


OBSERVATION_FIELDS = _fields(Observation, observations.Observation, OBSERVATION_NAMES)
PRODUCT_FIELDS = _fields(DataProduct, dataproducts.DataProduct, _PRODUCT_NAMES)
TRANSITION_FIELDS = _fields(Transition, transitions.Transition, _TRANSITION_NAMES)
CHANGE_FIELDS = _fields(Change, changes.Change, _CHANGE_NAMES)
TOKEN_FIELDS = _fields(Token, tokens.Token, {"account": "account_name"})
LEASE_FIELDS: Fields = {
    "taskID": Observation.task_id,
    "my_status": Observation.status,
    **_fields(Lease, leases.HeldLease, {}),
}
RECEIPT_FIELDS = _fields(Receipt, receipts.Receipt, _CHANGE_NAMES)
EVENT_FIELDS = _fields(Event, events.Event, _CHANGE_NAMES)
REPORT_FIELDS = _fields(StoredReport, night_reports.StoredReport, {})
SERVICE_FIELDS = _fields(Service, services.Service, {})
DISK_FIELDS = _fields(DiskUsage, disks.Disk, {"last_seen": "at"})
STAGE_COLUMNS: Columns = {
    **_fields(StageSetting, stages.StageState, {}),
    "paused": StageSetting.paused_by.is_not(None),
}

_PRODUCTS = Related(DataProduct.id, DataProduct.observation_id == Observation.id)
_OF_OBSERVATION = (Transition.task_id == Observation.task_id) & Transition.dataproduct.is_(None)
_OF_PRODUCT = (Transition.task_id == DataProduct.task_id) & (Transition.dataproduct == DataProduct.filename)

#: What lists can be filtered by: the fields, and what they hold of other tables.
OBSERVATION_COLUMNS: Columns = {
    **OBSERVATION_FIELDS,
    "new_status": Observation.status,
    "overdue": is_overdue(Observation.status, Observation.status_since, func.now()),
    "size": Observation.size_bytes,
    "data_host": Observation.data_host,
    "status_history": Related(Transition.status, _OF_OBSERVATION),
    "generated_dataproducts": _PRODUCTS,
}
PRODUCT_COLUMNS: Columns = {
    **PRODUCT_FIELDS,
    "new_status": DataProduct.status,
    "status_history": Related(Transition.status, _OF_PRODUCT),
}


def observation_columns(at: datetime | None) -> Columns:
    """Give the columns to filter observations by; with a moment, the statuses are those of then."""
    if at is None:
        return OBSERVATION_COLUMNS
    products = Related(DataProduct.id, _PRODUCTS.link & (DataProduct.created_at < end_of(at)))
    then = _as_of(at, _OF_OBSERVATION, StatusText(Status)) | {"status_since": status_since(at)}
    overdue = is_overdue(then["my_status"], then["status_since"], at)
    return {**OBSERVATION_COLUMNS, **then, "overdue": overdue, "generated_dataproducts": products}


def product_columns(at: datetime | None) -> Columns:
    """Give the columns to filter data products by; with a moment, the statuses are those of then."""
    return {**PRODUCT_COLUMNS, **(_as_of(at, _OF_PRODUCT, StatusText(ProductStatus)) if at else {})}


def observation_existed(at: datetime) -> ColumnElement[bool]:
    """Find the observations that had a status at a moment."""
    return last_before(at, Transition.id, _OF_OBSERVATION).is_not(None)


def product_existed(at: datetime) -> ColumnElement[bool]:
    """Find the data products that had a status at a moment."""
    return last_before(at, Transition.id, _OF_PRODUCT).is_not(None)


def last_before(at: datetime, column: Column, of: ColumnElement[bool]) -> ScalarSelect[Any]:
    """Give a column of the last transition of an item until a moment, to the second that the wire shows."""
    last = select(column).where(of, Transition.at < end_of(at)).order_by(Transition.id.desc()).limit(1)
    return last.correlate(Observation, DataProduct).scalar_subquery()


def status_since(at: datetime | None) -> Column:
    """Tell since when an observation has its status; with a moment, the one of then."""
    return last_before(at, Transition.at, _OF_OBSERVATION) if at else Observation.status_since


def _as_of(at: datetime, of: ColumnElement[bool], statuses: StatusText) -> dict[str, Any]:
    status = type_coerce(last_before(at, Transition.status, of), statuses)
    return {
        "my_status": status,
        "new_status": status,
        "status_history": Related(Transition.status, of & (Transition.at < end_of(at))),
    }


def end_of(at: datetime) -> datetime:
    """Give the end of the second in which the wire shows a moment."""
    return at.replace(microsecond=0) + timedelta(seconds=1)


def observation_values(fields: dict[str, Any]) -> dict[str, Any]:
    """Turn fields of the wire into values of the observations table; duration is computed there."""
    return {OBSERVATION_NAMES.get(name, name): value for name, value in fields.items() if name != "duration"}


def values(row: object, fields: Fields) -> dict[str, Any]:
    """Give the fields of the wire of one row."""
    return {name: getattr(row, column.key) for name, column in fields.items()}
