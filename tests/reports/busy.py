"""Four busy days: observations with random routes through the lifecycle, by real moves, with times of the past."""

import random
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import psycopg2
from psycopg2.extras import execute_batch

from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct, ProductMove
from atdb_interface.disks import DiskUsage
from atdb_interface.lifecycle import ProductStatus, Status, allowed_next
from tests.specifications import COORDINATES

S, P = Status, ProductStatus
DAYS = 4
MODES = {
    "imaging": ("wcudata1", "wcudata2"),
    "arts_sc4_survey": ("arts001",),
    "arts_sc1_timing": ("arts041",),
    "imaging_pointing": ("wcudata2",),  # has written nothing while it is planned
}
#: The more likely next statuses; all others that the lifecycle allows occur too.
_LIKELY = {*S} - {S.ON_HOLD, S.ABORTED}
_ENDS = (S.REMOVED, S.ABORTED)
#: In these statuses, the owner of the work states what it finds out about the data products.
_STATING = {S.CHECKING, S.INGESTING, S.REMOVING}
_OWNER = "tests/1"

#: As superuser, without the triggers that prevent changes of the history.
_EARLIER = "update transitions set at = %(at)s where id = %(id)s"
_SINCE = """
    update observations o set created_at = first, status_since = last from
    (select task_id, min(at) as first, max(at) as last from transitions where dataproduct is null group by 1) t
    where t.task_id = o.task_id"""
_RECEIPTS = """
    update receipts r set at = t.at from transitions t
    where t.task_id = r.task_id and t.dataproduct = r.dataproduct and t.status = 'removed'"""


@dataclass
class Wanderer:
    """Moves observations. The seed determines the choices."""

    client: Client
    now: datetime
    random: random.Random

    def wander(self, number: int) -> None:
        """Create an observation, and move it until it has ended or the choice is to leave it."""
        mode = list(MODES)[number % len(MODES)]
        is_future = mode == "imaging_pointing" or number % 5 == 0
        begins = self.now + timedelta(days=self.random.uniform(*((0.2, 10) if is_future else (-DAYS, -0.3))))
        host = MODES[mode][number // len(MODES) % len(MODES[mode])]
        made = self.client.create_observation(
            {
                "field_name": f"field {number}",
                "observing_mode": mode,
                **COORDINATES,
                "starttime": begins.replace(microsecond=0).isoformat(),
                "duration": self.random.randrange(60, 12_000),
                "data_location": f"{host}:/data",
            }
        )
        here, held_from = S.DEFINED, None
        for _ in range(self.random.randrange(2) + 1 if is_future else 24):
            there = self._next(here, held_from, is_future=is_future)
            self._products(made.taskID, here, there)
            reason = f"{there}: " + "no answer " * 80 if "error" in there else f"to {there}"
            owner = _OWNER if {here, there} & _STATING else None
            self.client.move(made.taskID, there, owner=owner, lease_seconds=600, reason=reason)
            here, held_from = there, (here if there is S.ON_HOLD else None)
            if here in _ENDS or (here is S.COMPLETED and self.random.random() < 0.5):
                break

    def _next(self, here: Status, held_from: Status | None, *, is_future: bool) -> Status:
        if is_future:
            return S.SCHEDULED if here is S.DEFINED else S.STARTING
        rest = {S.CHECKING: S.COMPLETING, S.INGESTING: S.VALID, S.REMOVING: S.ARCHIVED}
        allowed = sorted(allowed_next(here, rest.get(held_from, held_from) if held_from else None))
        if here is S.ARCHIVED or here is S.REMOVE_ERROR:
            allowed = [each for each in allowed if each is not S.COMPLETING]
        if here is S.INCOMPLETE:  # all of its products are invalid
            allowed = [each for each in allowed if each is not S.VALID]
        weights = [{True: 10, False: 1}[each in _LIKELY] for each in allowed]
        return self.random.choices(allowed, weights)[0]

    def _products(self, task_id: str, here: Status, there: Status) -> None:
        """Move the products as the stages do, before the observation."""
        if there is S.SCHEDULED and here is S.DEFINED:
            sizes = [self.random.randrange(10**9, 10**11) for _ in range(self.random.randrange(1, 4))]
            self.client.create_dataproducts(
                [
                    NewDataProduct(taskID=task_id, filename=f"{task_id}_{n}.fits", size=size)
                    for n, size in enumerate(sizes)
                ]
            )
            return
        if here is S.CHECKING and there in (S.VALID, S.COMPLETED):
            self._move(task_id, (P.DEFINED, P.INVALID, P.INGEST_ERROR), P.VALID)
        elif there is S.INCOMPLETE and here is S.CHECKING:
            self._move(task_id, (P.DEFINED,), P.INVALID)
        elif there is S.ARCHIVED and here is S.INGESTING:
            self._move(task_id, (P.VALID, P.INGEST_ERROR), P.INGESTING)
            self._move(task_id, (P.INGESTING,), P.ARCHIVED)
        elif there is S.INGEST_ERROR and here is S.INGESTING:
            self._move(task_id, (P.VALID,), P.INGESTING)
            self._move(task_id, (P.INGESTING,), P.INGEST_ERROR)
        elif there is S.REMOVED:
            self._move(task_id, (P.ARCHIVED,), P.REMOVED)

    def _move(self, task_id: str, sources: tuple[ProductStatus, ...], target: ProductStatus) -> None:
        products = self.client.dataproducts(taskID=task_id, my_status__in=list(sources))
        moves = [
            ProductMove(
                filename=each.filename, new_status=target, checksum=sha256(each.filename.encode()).hexdigest()
            )
            if target is P.VALID
            else ProductMove(filename=each.filename, new_status=target)
            for each in products
        ]
        if moves:
            self.client.move_products(task_id, moves, owner=_OWNER)


def fill(client: Client, superuser_url: str, now: datetime, *, number: int, seed: int) -> None:
    """Create a number of observations, and the past of the disks, all before `now`."""
    chosen = random.Random(seed)
    wanderer = Wanderer(client, now, chosen)
    for each in range(number):
        wanderer.wander(each)
    measure(client, superuser_url, now)
    with closing(psycopg2.connect(superuser_url)) as opened, opened, opened.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        cursor.execute("select task_id, array_agg(id order by id) from transitions group by task_id order by 1")
        times = [
            {"id": id_, "at": at}
            for _, ids in cursor.fetchall()
            for id_, at in zip(ids, _past(chosen, now, len(ids)), strict=True)
        ]
        execute_batch(cursor, _EARLIER, times)
        cursor.execute(_SINCE)
        cursor.execute(_RECEIPTS)


def measure(client: Client, superuser_url: str, now: datetime) -> None:
    """Report the disks of three hosts for each day, the fullest last."""
    for days in range(DAYS, 0, -1):
        for number, host in enumerate(("wcudata1", "wcudata2", "arts001")):
            free = (50 + 400 * number + 100 * days) * 10**9
            client.report_disk(DiskUsage(data_host=host, total_bytes=10**13, free_bytes=free))
        with closing(psycopg2.connect(superuser_url)) as opened, opened, opened.cursor() as cursor:
            cursor.execute(
                "update disk_usages set at = %s - make_interval(days => %s) where at > now() - interval '1 min'",
                [now - timedelta(minutes=3), days],
            )


def _past(chosen: random.Random, now: datetime, number: int) -> list[datetime]:
    """Return increasing moments that begin within the days and end before now."""
    begin = now - timedelta(days=chosen.uniform(0.1, DAYS))
    end = begin + (now - timedelta(seconds=1) - begin) * chosen.uniform(0.3, 1)
    return sorted(begin + (end - begin) * chosen.random() for _ in range(number))
