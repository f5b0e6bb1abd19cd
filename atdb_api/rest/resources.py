"""The resources of the REST API that list rows of tables, each described once; see resource.py.

To add a resource that is only read, add an entry here and to `views.RESOURCES`. Other methods are in views/.
"""

from collections.abc import Sequence
from typing import Any

from flask import request
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager

from atdb_api import models
from atdb_api.reads import serialization
from atdb_api.rest.auth import actor, is_admin
from atdb_api.rest.resource import Detail, Resource
from atdb_api.search import columns
from atdb_api.search.field_map import FieldMap
from atdb_api.services import disks, stages
from atdb_interface.disks import Disk
from atdb_interface.leases import HeldLease
from atdb_interface.night_reports import StoredReport
from atdb_interface.services import Service
from atdb_interface.stages import StageState
from atdb_interface.tokens import Token

OBSERVATIONS = Resource(
    "observations",
    columns.OBSERVATION_FIELDS,
    about="List observations.",
    detail=Detail("<int:observation_id>", "Return one observation.", has_etag=True),
    shown="id taskID my_status observing_mode field_name starttime endtime data_location",
    columns_at=columns.observation_columns,
    existed=columns.observation_existed,
    costly=frozenset({"status_history", "generated_dataproducts"}),
    writer=serialization.observations,
)
DATAPRODUCTS = Resource(
    "dataproducts",
    columns.PRODUCT_FIELDS,
    about="List data products.",
    detail=Detail("<int:product_id>", "Return one data product.", has_etag=True),
    shown="id taskID filename my_status size dataproduct_type data_location",
    columns_at=columns.product_columns,
    existed=columns.product_existed,
    costly=frozenset({"status_history"}),
    writer=serialization.dataproducts,
)


def _of_observations(rows: Select[models.Transition]) -> Select[models.Transition]:
    if any(name.partition("__")[0] == "dataproduct" for name in request.args):
        return rows
    return rows.where(models.Transition.dataproduct.is_(None))


TRANSITIONS = Resource(
    "status",
    columns.TRANSITION_FIELDS,
    about="List transitions: only those of observations, unless a parameter names `dataproduct`.",
    detail=Detail("<int:transition_id>", "Return one transition."),
    shown="id taskID timestamp previous name actor reason forced",
    visible=_of_observations,
    existed=lambda at: models.Transition.at < columns.end_of(at),
)
CHANGES = Resource(
    "changes",
    columns.CHANGE_FIELDS,
    about="List changes other than of status; only admins see changes of accounts.",
    shown="id timestamp actor action taskID dataproduct fields reason",
    visible=lambda rows: rows if is_admin() else rows.where(models.Change.account.is_(None)),
)
LEASES = Resource(
    "leases",
    FieldMap(models.Lease, HeldLease, {"taskID": "observation.task_id", "my_status": "observation.status"}),
    about="List leases; `?expires_at__lt=` finds the expired ones.",
    key="taskID",
    rows=select(models.Lease).join(models.Lease.observation).options(contains_eager(models.Lease.observation)),
)


def _write_stages(
    session: Session, rows: Sequence[models.StageSetting], *, costly: bool, **_: Any
) -> list[StageState]:
    return stages.states(session, rows, counted=costly)


STAGES = Resource(
    "stages",
    FieldMap(models.StageSetting, StageState),
    about="List the stages: paused or not, their limits, and how many observations wait.",
    detail=Detail("<stage>", "Return one stage."),
    key="stage",
    more={"paused": models.StageSetting.paused_by.is_not(None)},
    costly=frozenset({"waiting", "claimed", "working"}),
    writer=_write_stages,
)
TOKENS = Resource(
    "tokens",
    FieldMap(models.Token, Token, {"account": "account_name"}),
    about="List tokens, without their secrets.",
    rows=select(models.Token).where(~models.Token.is_session),
    visible=lambda rows: rows if is_admin() else rows.where(models.Token.account_name == actor()),
)
RECEIPTS = Resource(
    "receipts",
    columns.RECEIPT_FIELDS,
    about="List the receipts of removed data products.",
)
EVENTS = Resource("events", columns.EVENT_FIELDS, about="List events.")
SERVICES = Resource(
    "services",
    FieldMap(models.Service, Service),
    about="List the services that have sent a heartbeat.",
    key="name",
)


def _write_disks(session: Session, rows: Sequence[models.DiskUsage], **_: Any) -> list[Disk]:
    return disks.with_rates(session, rows)


DISKS = Resource(
    "disks",
    FieldMap(models.DiskUsage, Disk, {"last_seen": "at"}),
    about="List the disks of the data hosts.",
    key="data_host",
    rows=disks.latest_usages(),
    writer=_write_disks,
)
REPORTS = Resource(
    "reports",
    FieldMap(models.StoredReport, StoredReport),
    about="List the night reports with their main figures, newest first.",
    key="night",
    ordering="-night",
)
