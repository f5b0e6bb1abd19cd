"""What can be listed, and how: its wire model, its columns, and how its rows are written."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

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
    StoredReport,
    Token,
    Transition,
)
from atdb_api.reads import serialization
from atdb_api.rest.pagination import Listing
from atdb_api.search import columns
from atdb_api.services import disks, stages
from atdb_interface import changes, dataproducts, events, night_reports, observations, receipts, transitions
from atdb_interface.disks import Disk
from atdb_interface.leases import HeldLease
from atdb_interface.services import Service as ServiceModel
from atdb_interface.stages import StageState
from atdb_interface.tokens import Token as TokenModel


def lease(row: Lease) -> HeldLease:
    """Write one lease."""
    return HeldLease(
        taskID=row.observation.task_id,
        my_status=row.observation.status,
        owner=row.owner,
        began_at=row.began_at,
        expires_at=row.expires_at,
        lost_owners=row.lost_owners,
        done_bytes=row.done_bytes,
        total_bytes=row.total_bytes,
        trouble=row.trouble,
        trouble_since=row.trouble_since,
    )


def event(row: Event) -> events.Event:
    """Write one event."""
    return events.Event(**columns.values(row, columns.EVENT_FIELDS))


def service(row: Service) -> ServiceModel:
    """Write one service."""
    return ServiceModel(**columns.values(row, columns.SERVICE_FIELDS))


def _transitions(_: Session, rows: Sequence[Transition], **__: Any) -> list[transitions.Transition]:
    return [serialization.transition(row) for row in rows]


def _changes(_: Session, rows: Sequence[Change], **__: Any) -> list[changes.Change]:
    return [changes.Change(**columns.values(row, columns.CHANGE_FIELDS)) for row in rows]


def _tokens(_: Session, rows: Sequence[Token], **__: Any) -> list[TokenModel]:
    return [TokenModel(**columns.values(row, columns.TOKEN_FIELDS)) for row in rows]


def _receipts(_: Session, rows: Sequence[Receipt], **__: Any) -> list[receipts.Receipt]:
    return [receipts.Receipt(**columns.values(row, columns.RECEIPT_FIELDS)) for row in rows]


def _events(_: Session, rows: Sequence[Event], **__: Any) -> list[events.Event]:
    return [event(row) for row in rows]


def _reports(_: Session, rows: Sequence[StoredReport], **__: Any) -> list[night_reports.StoredReport]:
    return [night_reports.StoredReport(**columns.values(row, columns.REPORT_FIELDS)) for row in rows]


def _services(_: Session, rows: Sequence[Service], **__: Any) -> list[ServiceModel]:
    return [service(row) for row in rows]


def _disks(session: Session, rows: Sequence[DiskUsage], **__: Any) -> list[Disk]:
    return disks.with_rates(session, rows)


def _stages(
    session: Session, rows: Sequence[StageSetting], *, histories: bool = True, **_: Any
) -> list[StageState]:
    return stages.states(session, rows, counted=histories)


def _leases(_: Session, rows: Sequence[Lease], **__: Any) -> list[HeldLease]:
    return [lease(row) for row in rows]


OBSERVATIONS = Listing(
    observations.Observation,
    select(Observation),
    columns.observation_columns,
    serialization.observations,
    costly=frozenset({"status_history", "generated_dataproducts"}),
    existed=columns.observation_existed,
)
DATAPRODUCTS = Listing(
    dataproducts.DataProduct,
    select(DataProduct),
    columns.product_columns,
    serialization.dataproducts,
    costly=frozenset({"status_history"}),
    existed=columns.product_existed,
)
TRANSITIONS = Listing(
    transitions.Transition,
    select(Transition),
    lambda _: columns.TRANSITION_FIELDS,
    _transitions,
    existed=lambda at: Transition.at < columns.end_of(at),
)
CHANGES = Listing(changes.Change, select(Change), lambda _: columns.CHANGE_FIELDS, _changes)
TOKENS = Listing(TokenModel, select(Token), lambda _: columns.TOKEN_FIELDS, _tokens)
LEASES = Listing(
    HeldLease,
    select(Lease).join(Lease.observation).options(contains_eager(Lease.observation)),
    lambda _: columns.LEASE_FIELDS,
    _leases,
    key="taskID",
)
RECEIPTS = Listing(receipts.Receipt, select(Receipt), lambda _: columns.RECEIPT_FIELDS, _receipts)
EVENTS = Listing(events.Event, select(Event), lambda _: columns.EVENT_FIELDS, _events)
REPORTS = Listing(
    night_reports.StoredReport,
    select(StoredReport),
    lambda _: columns.REPORT_FIELDS,
    _reports,
    key="night",
    ordering="-night",
)
SERVICES = Listing(ServiceModel, select(Service), lambda _: columns.SERVICE_FIELDS, _services, key="name")
DISKS = Listing(Disk, disks.latest_usages(), lambda _: columns.DISK_FIELDS, _disks, key="data_host")
STAGES = Listing(
    StageState,
    select(StageSetting),
    lambda _: columns.STAGE_COLUMNS,
    _stages,
    key="stage",
    costly=frozenset({"waiting", "claimed", "working"}),
)
