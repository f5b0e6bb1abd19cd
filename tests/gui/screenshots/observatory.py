"""Fill a database as after a week of work: with real moves over HTTP, whose times are then changed to the past."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any

import psycopg2
from psycopg2.extensions import cursor
from psycopg2.extras import execute_batch

from atdb_interface.actions import Action
from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct, ProductMove
from atdb_interface.disks import DiskUsage
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.lifecycle import STEPS, WORKING, Actor, ProductStatus, Status
from tests import night_reports
from tests.gui.screenshots.sample_histories import ARCHIVE_AWAY, SampleHistory, sample_history_of, times_of
from tests.gui.screenshots.week import Planned

S, P = Status, ProductStatus
Clients = Mapping[str, Client]
#: The actor of each step: an account, or the stage whose run owns the observation.
_STAGE = {(step.source, step.target): step.actor for step in STEPS}
_ACCOUNTS = {Actor.TELESCOPE: "telescope", Actor.OPERATOR: "operator"}
_LEASE_SECONDS = 86_400
#: As superuser, without the triggers that prevent changes of the history.
_EARLIER = """
    update transitions set at = %(at)s
    where task_id = %(task_id)s and dataproduct is null and status = %(status)s"""
_OF_PRODUCTS = """
    update transitions product set at = o.at + interval '7 s' from transitions o
    where product.dataproduct is not null and o.dataproduct is null and o.task_id = product.task_id and o.status =
        case product.status
        when 'defined' then 'running' when 'valid' then 'checking' when 'invalid' then 'checking'
        when 'archived' then 'ingesting' when 'ingest error' then 'ingesting' when 'removed' then 'removing'
        else product.status end"""
_SINCE = """
    update observations o set created_at = first, status_since = last from
        (select task_id, min(at) as first, max(at) as last from transitions where dataproduct is null group by 1) t
    where t.task_id = o.task_id"""
_RECEIPTS = """
    update receipts r set at = t.at + interval '20 s' from transitions t
    where t.task_id = r.task_id and t.dataproduct is null and t.status = 'removing'"""


@dataclass(frozen=True)
class MadeObservation:
    """An observation that was created, and its history."""

    task_id: str
    planned: Planned
    history: SampleHistory


@dataclass(frozen=True)
class Observatory:
    """The week. `made`: its observations by day and kind, such as `(-1, "field")`."""

    made: dict[tuple[int, str], MadeObservation]

    def task_id(self, day: int, kind: str) -> str:
        """Return the taskID of one of them."""
        return self.made[day, kind].task_id


Plan = Callable[[datetime], Iterable[Planned]]
Fill = Callable[[Clients, str, datetime], Observatory]


def fill(plan: Plan, clients: Clients, superuser_url: str, now: datetime) -> Observatory:
    """Create the week and its surroundings. `clients`: by the name of an account."""
    made = {(each.day, each.kind): _walk(clients, each, now) for each in plan(now)}
    with _history(superuser_url) as history:
        moves = [
            {"task_id": each.task_id, "status": status, "at": at}
            for each in made.values()
            for status, at in times_of(each.planned, each.history, now)
        ]
        execute_batch(history, _EARLIER, moves)
        for statement in (_OF_PRODUCTS, _SINCE, _RECEIPTS):
            history.execute(statement)
    observatory = Observatory(made)
    _work(clients["airflow"], superuser_url, observatory, now)
    _govern(clients["operator"], superuser_url, observatory, now)
    _report(clients["airflow"], superuser_url, observatory, now)
    for days, make in ((0, night_reports.busy), (1, night_reports.empty), (2, night_reports.terrible)):
        clients["airflow"].store_night_report(make(night_reports.NIGHT - timedelta(days=days)))
    return observatory


def fill_calm(plan: Plan, clients: Clients, superuser_url: str, now: datetime) -> Observatory:
    """Create only observations without problems: completed, running and scheduled ones."""
    well = [each for each in plan(now) if each.day >= 0]
    made = {(each.day, each.kind): _walk(clients, each, now) for each in well}
    give_signs(clients["airflow"])
    _disks(clients["airflow"], superuser_url, filling=False)
    return Observatory(made)


def _walk(clients: Clients, each: Planned, now: datetime) -> MadeObservation:
    history = sample_history_of(each, now)
    made = clients["astronomer"].create_observation(each.specification)
    route = [status for status, _ in times_of(each, history, now)]
    for previous, status in pairwise(route):
        stage = _STAGE[previous, status]
        client = clients[_ACCOUNTS.get(stage, "airflow")]
        owner = f"{stage}/{_run(each, stage)}" if client is clients["airflow"] else None
        first = next(iter(each.filenames), "").format(made.taskID)
        reason = history.reason.format(first=first, count=len(each.filenames)) if status is route[-1] else ""
        _products(clients, made.taskID, each, status, owner, reason)
        lease = _LEASE_SECONDS if status in WORKING else None
        client.move(made.taskID, status, owner=owner, lease_seconds=lease, reason=reason)
    return MadeObservation(made.taskID, each, history)


def _run(each: Planned, stage: Actor) -> str:
    at = each.end if stage in (Actor.VALIDATE, Actor.INGEST, Actor.REMOVE) else each.start
    return f"asset_triggered__{at:%Y-%m-%dT%H:%M:%S}.{sha256(each.kind.encode()).hexdigest()[:6]}+00:00"


def _products(
    clients: Clients,
    task_id: str,
    each: Planned,
    status: Status,
    owner: str | None,
    reason: str,
) -> None:
    """Move the products as required before the observation enters a status."""
    names = [name.format(task_id) for name in each.filenames]
    # The reason names the beam of the observation.
    failed = names[each.specification.get("field_beam", 0) % len(names)]
    if status is S.RUNNING:
        clients["telescope"].create_dataproducts(
            [NewDataProduct(taskID=task_id, filename=name, size=each.product_bytes) for name in names]
        )
        return
    move = clients["airflow"].move_products
    match status:
        case S.VALID | S.COMPLETED:
            _move(move, task_id, names, P.VALID, owner, with_checksum=True)
        case S.INCOMPLETE:
            _move(move, task_id, [name for name in names if name != failed], P.VALID, owner, with_checksum=True)
            _move(move, task_id, [failed], P.INVALID, owner, reason="it is empty")
        case S.ARCHIVED:
            _move(move, task_id, names, P.INGESTING, owner)
            _move(move, task_id, names, P.ARCHIVED, owner)
        case S.INGEST_ERROR:
            _move(move, task_id, names, P.INGESTING, owner)
            _move(move, task_id, [failed], P.INGEST_ERROR, owner, reason=reason)
        case S.REMOVED:
            _move(move, task_id, names, P.REMOVED, owner)
        case S.REMOVE_ERROR:
            _move(move, task_id, names[:37], P.REMOVED, owner)


def _move(
    move: Callable[..., object],
    task_id: str,
    names: list[str],
    status: ProductStatus,
    owner: str | None,
    *,
    reason: str = "",
    with_checksum: bool = False,
) -> None:
    def of(name: str) -> ProductMove:
        checksum = sha256(name.encode()).hexdigest() if with_checksum else None
        copy = f"file:///archive/apertif_main/{task_id}/{name}" if status is P.ARCHIVED else None
        stated: dict[str, Any] = {"checksum": checksum, "archive_copy": copy}
        given = {fact: value for fact, value in stated.items() if value}
        return ProductMove(filename=name, new_status=status, reason=reason, **given)

    if names:
        move(task_id, [of(name) for name in names], owner=owner)


def _work(airflow: Client, superuser_url: str, observatory: Observatory, now: datetime) -> None:
    """Report progress as the owners of leases."""
    for (day, kind), part, trouble, hours in (
        ((-1, "field"), 0.62, "", 3.4),
        ((-1, "search 0"), 0.08, "the archive answers slowly: 11 MB/s", 2.1),
        ((-1, "search 1"), 0.85, "", 0.2),
        ((-2, "search 0"), 0.4, "", 0.1),
    ):
        each = observatory.made[day, kind]
        owner = next(held.owner for held in airflow.leases(taskID=each.task_id))
        total = each.planned.total_bytes
        _renew(airflow, each.task_id, owner, int(total * part), total, trouble)
        with _history(superuser_url) as history:
            history.execute(
                "update leases set began_at = %(at)s, trouble_since = case when trouble is null then null "
                "else %(at)s + interval '1 h' end where owner = %(owner)s",
                {"at": now - timedelta(hours=hours), "owner": owner},
            )
            history.execute(
                "update observations set status_since = %(at)s where task_id = %(task_id)s",
                {"at": now - timedelta(hours=hours), "task_id": each.task_id},
            )
            history.execute(
                "update transitions set at = %(at)s where owner = %(owner)s and dataproduct is null",
                {"at": now - timedelta(hours=hours), "owner": owner},
            )


def _renew(airflow: Client, task_id: str, owner: str, done: int, total: int, trouble: str) -> None:
    airflow.renew(
        task_id,
        owner,
        _LEASE_SECONDS,
        done_bytes=done,
        total_bytes=total,
        **({"trouble": trouble} if trouble else {}),
    )
    products = list(airflow.dataproducts(taskID=task_id, my_status=P.VALID))
    if next(iter(airflow.leases(taskID=task_id))).my_status is S.INGESTING:
        copied = [each.filename for each in products[: len(products) * done // total]]
        _move(airflow.move_products, task_id, copied, P.INGESTING, owner)
        _move(airflow.move_products, task_id, copied[:-1], P.ARCHIVED, owner)


def _govern(operator: Client, superuser_url: str, observatory: Observatory, now: datetime) -> None:
    broken = observatory.made[-2, "search 1"].planned.data_host
    operator.change_stage(Actor.INGEST, slots=2, reason="the link to the archive is narrow")
    operator.change_stage(
        Actor.REMOVE, paused=True, reason=f"{broken}: a disk has read errors", delay_seconds=86_400
    )
    with _history(superuser_url) as history:
        history.execute(
            "update stages set paused_at = %s where paused_at is not null", [now - timedelta(hours=5, minutes=12)]
        )


def _report(airflow: Client, superuser_url: str, observatory: Observatory, now: datetime) -> None:
    give_signs(airflow)
    airflow.sign_of_life("disks arts041", detail="measures every 5 minutes")
    _disks(airflow, superuser_url, filling=True)
    late, failed = observatory.made[-1, "search 2"], observatory.made[-1, "scan 23"]
    broken = observatory.made[-2, "search 1"]
    cause = ARCHIVE_AWAY.format(failed.task_id, failed.planned.specification["field_beam"])
    idle = f"completing for more than 1 h: no service validates on {late.planned.data_host}"
    events = (
        (520, EventKind.BRAKE, None, "remove was paused: 1 of the last 2 removals failed"),
        (
            340,
            EventKind.DISAGREEMENT,
            broken.task_id,
            f"3 products are on {broken.planned.data_host} that are removed here",
        ),
        (212, EventKind.OVERDUE, late.task_id, idle),
        (
            97,
            EventKind.REPAIR,
            observatory.task_id(-1, "search 1"),
            "its lease had expired; another run has the work",
        ),
        (31, EventKind.OVERDUE, failed.task_id, f"7 of one cause: {cause}"),
    )
    airflow.raise_events(
        [NewEvent(key=str(n), kind=kind, taskID=task_id, detail=detail) for n, kind, task_id, detail in events]
    )
    with _history(superuser_url) as history:
        history.execute("update events set at = %s - make_interval(mins => key::integer)", [now])
        history.execute(
            "update services set last_seen = %s where name like 'disks arts%%'", [now - timedelta(minutes=41)]
        )


def hold_no_more(operator: Client, week: Observatory) -> None:
    """Undo the bulk hold of a screenshot."""
    for each in list(operator.observations(my_status=S.ON_HOLD)):
        if each.taskID != week.task_id(-1, "scan 35"):
            operator.act(each.taskID, Action.RESUME)


def give_signs(airflow: Client) -> None:
    """Send heartbeats of services."""
    statuses = [S.DEFINED, S.SCHEDULED, S.COMPLETING, S.VALID, S.ARCHIVED]
    airflow.sign_of_life("airflow listen", statuses=statuses, detail="looks every 2 s")
    airflow.sign_of_life("airflow reconcile", detail="every minute; the last took 2 s")
    airflow.sign_of_life("data writer", detail="writes one observation")
    airflow.claim(ClaimRequest(id="a claim", consumer="alert-to-VOEvent", statuses=[S.COMPLETED], limit=1))


def _disks(airflow: Client, superuser_url: str, *, filling: bool) -> None:
    """Report the disks of three hosts, now and a day ago."""
    terabyte = 10**12
    hosts = (
        ("wcudata1", 40, 21.6, 16.9),
        ("wcudata2", 40, 24.1, 24.8),
        ("arts001", 25, 5.9, 2.2 if filling else 6.4),
    )
    for days, column in ((1, 0), (0, 1)):
        for host, total, *free in hosts:
            airflow.report_disk(
                DiskUsage(data_host=host, total_bytes=total * terabyte, free_bytes=int(free[column] * terabyte))
            )
        with _history(superuser_url) as history:
            history.execute("update disk_usages set at = at - make_interval(days => %s)", [days])


@contextmanager
def _history(superuser_url: str) -> Iterator[cursor]:
    """Open a session that can write the history, without its triggers."""
    opened = psycopg2.connect(superuser_url)
    try:
        with opened, opened.cursor() as writing:
            writing.execute("set session_replication_role = replica")
            yield writing
    finally:
        opened.close()
