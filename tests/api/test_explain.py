"""For every status and situation, one true sentence explains why an observation is not progressing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from atdb_api.database import transaction
from atdb_api.models import Claim, Lease, Receipt, Service, StageSetting, Transition
from atdb_api.models import DataProduct as ProductRow
from atdb_api.models import Observation as Row
from atdb_api.services import stages
from atdb_api.services.explain import builder, sentences
from atdb_api.services.explain.situation import Surroundings
from atdb_interface.actions import Action
from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import MAX_LOST_OWNERS, WORKING, Actor, ProductStatus, Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
S = Status
NOW = datetime(2019, 4, 8, 12, tzinfo=UTC)
TASK = "190408001"


def at(minutes: float) -> datetime:
    """Return the moment some minutes from now; the observations around it are not overdue."""
    return NOW + timedelta(minutes=minutes)


class Desk:
    """A database with one observation in a situation, and the explanation of it."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.rows: list[object] = []
        self.products: list[ProductRow] = []
        self.settings: dict[str, dict[str, object]] = {}

    def observation(self, status: Status, task_id: str = TASK, **fields: object) -> Row:
        values: dict[str, object] = {
            "status_since": at(-5),
            "start_time": at(-60),
            "end_time": at(-30),
            "observing_mode": "imaging",
            "reason": "",
            "actor": "ada",
        } | fields
        since, reason, actor = values["status_since"], values.pop("reason"), values.pop("actor")
        row = Row(
            task_id=task_id,
            status=status,
            name=task_id,
            task_type="observation",
            process_type="observation",
            field_name=task_id,
            data_location="wcudata1:/data",
            skip_auto_ingest=False,
            options={},
            **values,
        )
        step = Transition(task_id=task_id, previous=None, status=status, at=since, actor=actor, reason=reason)
        self.rows += [row, step]
        return row

    def product(self, filename: str, status: ProductStatus, *, receipts: int = 0, host: str = "wcudata1") -> None:
        """Add a product of the observation TASK."""
        place = f"{host}:/data"
        product = ProductRow(
            task_id=TASK,
            status=status,
            name=filename,
            filename=filename,
            description="",
            dataproduct_type="visibility",
            data_location=place,
        )
        self.products.append(product)
        of_product = {"task_id": TASK, "dataproduct": filename, "data_location": place}
        self.rows += [Receipt(**of_product, actor="ada", forced=False, reason="") for _ in range(receipts)]

    def lease(self, row: Row, *, expires: float = 5, **fields: object) -> None:
        values = {"owner": "ingest/run 1", "account": "airflow", "began_at": at(-60), "lost_owners": 0} | fields
        row.lease = Lease(expires_at=at(expires), **values)

    def govern(self, stage: Actor, **fields: object) -> None:
        self.settings[stage] = fields

    def pause(self, stage: Actor, reason: str = "") -> None:
        self.govern(stage, paused_by="ada", paused_at=at(-90), pause_reason=reason)

    def hear(self, name: str, *statuses: Status, ago_seconds: int = 3, trouble: str = "") -> None:
        seen, since = NOW - timedelta(seconds=ago_seconds), write_time(at(-4))
        troubles = {status: {"reason": trouble, "since": since} for status in statuses if trouble}
        self.rows.append(Service(name=name, statuses=list(statuses), detail="", last_seen=seen, troubles=troubles))

    def give(self, row: Row, consumer: str = "airflow") -> None:
        row.claimed_until, row.claim_id = at(12), "c1"
        tasks = [
            {"taskID": "190408999", "my_status": row.status},
            {"taskID": row.task_id, "my_status": row.status},
        ]
        self.rows.append(
            Claim(id="c1", consumer=consumer, created_at=at(-3), expires_at=row.claimed_until, tasks=tasks)
        )

    def says(self) -> str:
        with self.app.app_context(), transaction() as session:
            session.add_all(self.rows)
            session.flush()
            observation_id = session.query(Row).filter_by(task_id=TASK).one().id
            for product in self.products:
                product.observation_id = observation_id
            session.add_all(self.products)
            for stage, fields in self.settings.items():
                setting = session.get_one(StageSetting, stage)
                for name, value in fields.items():
                    setattr(setting, name, value)
            session.flush()
            task = session.query(Row).filter_by(task_id=TASK).one()
            session.expire_all()
            task.status  # noqa: B018 - reload, as a view does
            with counted(session.get_bind()) as statements:
                explanation = sentences.explain(session, task, NOW)
            assert len(statements) <= 5, statements
            assert self.says_among_many(session) == explanation
            session.rollback()
        return explanation

    @staticmethod
    def says_among_many(session: Session) -> str:
        """Explain all observations at once, as the night page does."""
        settings = {setting.stage: setting for setting in session.scalars(select(StageSetting))}
        counts = stages.counts(session, settings.values(), NOW)
        around = Surroundings(
            NOW,
            settings,
            {name: count.taken for name, count in counts.items()},
            session.scalars(select(Service).order_by(Service.last_seen.desc())).all(),
            builder.at_telescope(session),
        )
        subjects = [builder.subject(*row) for row in session.execute(builder.select_subjects())]
        return sentences.explain_many(session, subjects, around)[TASK].text


@contextmanager
def counted(engine: object) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_1: object, _2: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def desk(app: Flask) -> Desk:
    return Desk(app)


# Waiting for a stage


def test_it_waits_for_a_service_that_is_there(desk: Desk) -> None:
    desk.observation(S.VALID)
    desk.hear("listen", S.VALID, S.DEFINED)
    assert (
        desk.says()
        == "Waiting for ingest: service listen is responding and claims observations with status valid."
    )


def test_it_waits_behind_observations_that_are_claimed_first(desk: Desk) -> None:
    desk.observation(S.VALID, priority=1)
    desk.observation(S.VALID, "190407001", start_time=at(-99), priority=1)
    desk.observation(S.VALID, "190408002", start_time=at(-50), priority=2)
    desk.observation(S.VALID, "190408003", start_time=at(-99))
    desk.observation(S.VALID, "190408005", start_time=at(-98))
    desk.observation(S.COMPLETING, "190408004", priority=9)
    desk.hear("listen", S.VALID)
    assert desk.says().startswith("Waiting for ingest at position 3 in the queue: service listen is responding")


@pytest.mark.parametrize(
    ("ago_seconds", "statuses", "since"),
    [(61, [S.VALID], "since 2019-04-08T11:58:59Z"), (3, [S.DEFINED], "yet")],
)
def test_no_service_has_sent_a_heartbeat(desk: Desk, ago_seconds: int, statuses: list[Status], since: str) -> None:
    desk.observation(S.VALID)
    desk.hear("listen", *statuses, ago_seconds=ago_seconds)
    expected = (
        f"Waiting for ingest: no service for status valid has sent a heartbeat {since}. "
        "Check that Airflow and its DAG listen are running."
    )
    assert desk.says() == expected


def test_the_last_heard_of_several_services_counts(desk: Desk) -> None:
    desk.observation(S.VALID)
    desk.hear("old", S.VALID, ago_seconds=9000)
    desk.hear("script", S.VALID)
    assert "service script is responding" in desk.says()


def test_the_only_service_is_unable_to_begin(desk: Desk) -> None:
    desk.observation(S.VALID)
    desk.hear("airflow listen", S.VALID, trouble="Airflow refused: HTTP 401")
    desk.hear("long gone", S.VALID, ago_seconds=9000)
    assert desk.says() == (
        "Service airflow listen has been unable to begin ingest since 2019-04-08T11:56:00Z: "
        "Airflow refused: HTTP 401."
    )


def test_a_service_that_is_able_to_begin_makes_up_for_one_that_is_not(desk: Desk) -> None:
    desk.observation(S.VALID)
    desk.hear("airflow listen", S.VALID, trouble="Airflow refused: HTTP 401", ago_seconds=1)
    desk.hear("script", S.VALID)
    assert "unable" not in desk.says()


def test_a_claim_whose_consumer_is_unable_to_begin(desk: Desk) -> None:
    desk.give(desk.observation(S.VALID))
    desk.hear("airflow listen", S.VALID, trouble="Airflow does not respond")
    assert desk.says().endswith(
        " Service airflow listen has been unable to begin ingest since 2019-04-08T11:56:00Z: "
        "Airflow does not respond."
    )


@pytest.mark.parametrize(
    ("stage", "status"),
    [
        (Actor.SPECIFY, S.DEFINED),
        (Actor.VALIDATE, S.COMPLETING),
        (Actor.INGEST, S.VALID),
        (Actor.REMOVE, S.ARCHIVED),
    ],
)
def test_its_stage_is_paused(desk: Desk, stage: Actor, status: Status) -> None:
    desk.observation(status)
    desk.pause(stage, reason="disk\nreplacement")
    assert desk.says() == f"Stage {stage} has been paused by ada since 2019-04-08T10:30:00Z: disk replacement."


def test_it_is_delayed_before_a_stage(desk: Desk) -> None:
    desk.observation(S.VALID)
    desk.govern(Actor.INGEST, delay_seconds=600)
    assert desk.says() == "Delayed before ingest until 2019-04-08T12:05:00Z."


def test_it_is_delayed_before_its_data_are_deleted(desk: Desk) -> None:
    desk.observation(S.ARCHIVED)
    desk.govern(Actor.REMOVE, delay_seconds=86400)
    assert desk.says() == (
        "Delayed before remove until 2019-04-09T11:55:00Z; then its data on wcudata1 are deleted. "
        "To prevent this, put the observation on hold."
    )


def test_its_delay_has_ended(desk: Desk) -> None:
    desk.observation(S.ARCHIVED)
    desk.govern(Actor.REMOVE, delay_seconds=300)
    desk.hear("listen", S.ARCHIVED)
    assert desk.says().startswith("Waiting for remove")


@pytest.mark.parametrize(
    ("slots", "waiting", "says"),
    [
        (2, 0, "Next in the queue for ingest; all 2 slots are taken."),
        (2, 1, "Waiting for a slot of ingest at position 2 in the queue; all 2 slots are taken."),
        (3, 3, "Waiting for a slot of ingest at position 4 in the queue; 2 of 3 slots are taken."),
        (
            4,
            1,
            "Waiting for ingest at position 2 in the queue: "
            "service listen is responding and claims observations with status valid.",
        ),
    ],
)
def test_it_waits_for_a_slot(desk: Desk, slots: int, waiting: int, says: str) -> None:
    desk.observation(S.VALID)
    for number in range(waiting):
        desk.observation(S.VALID, f"19040700{number}", start_time=at(-100 + number))
    desk.lease(desk.observation(S.INGESTING, "190407100"))
    desk.observation(S.VALID, "190407101", claimed_until=at(5))
    desk.lease(desk.observation(S.CHECKING, "190407102"), owner="validate/run 1")
    desk.govern(Actor.INGEST, slots=slots)
    desk.hear("listen", S.VALID)
    assert desk.says() == says


def test_what_is_claimed_while_its_late_owner_still_works_takes_one_slot(desk: Desk) -> None:
    desk.observation(S.VALID)
    desk.lease(desk.observation(S.INGESTING, "190407100", claimed_until=at(5)))
    desk.govern(Actor.INGEST, slots=2)
    desk.hear("listen", S.VALID)
    assert (
        desk.says()
        == "Waiting for ingest: service listen is responding and claims observations with status valid."
    )


def test_it_is_given_to_a_consumer(desk: Desk) -> None:
    desk.give(desk.observation(S.VALID))
    assert desk.says() == (
        "Claimed by airflow at 2019-04-08T11:57:00Z, but work has not begun. "
        "If it does not begin by 2019-04-08T12:12:00Z, the observation becomes available to claim again."
    )


def test_it_waits_longer_than_expected(desk: Desk) -> None:
    desk.observation(S.VALID, status_since=at(-25 * 60))
    desk.hear("listen", S.VALID)
    assert desk.says().endswith(" Overdue since 2019-04-08T11:00:00Z.")


def test_its_delay_does_not_make_it_overdue(desk: Desk) -> None:
    desk.observation(S.VALID, status_since=at(-25 * 60))
    desk.govern(Actor.INGEST, delay_seconds=1800)
    desk.hear("listen", S.VALID)
    assert desk.says().endswith(" Overdue since 2019-04-08T11:30:00Z.")


# Before the start


def test_its_start_is_far(desk: Desk) -> None:
    desk.observation(S.SCHEDULED, start_time=at(165), end_time=at(200))
    assert desk.says() == (
        "Waiting for the start at 2019-04-08T14:45:00Z. The telescope receives the observation 10 minutes before, "
        "or 1 minute before if it is busy."
    )


def test_its_start_is_far_and_observe_is_paused(desk: Desk) -> None:
    desk.observation(S.SCHEDULED, start_time=at(165), end_time=at(200))
    desk.pause(Actor.OBSERVE, "wind")
    explanation = desk.says()
    assert explanation.startswith("Waiting for the start at 2019-04-08T14:45:00Z. ")
    assert explanation.endswith(" Stage observe has been paused by ada since 2019-04-08T10:30:00Z: wind.")


def test_its_start_is_near(desk: Desk) -> None:
    desk.observation(S.SCHEDULED, start_time=at(9), end_time=at(20))
    desk.hear("listen", S.SCHEDULED)
    assert desk.says() == (
        "The start time is 2019-04-08T12:09:00Z. Waiting for observe: "
        "service listen is responding and claims observations with status scheduled."
    )


def test_another_has_the_telescope(desk: Desk) -> None:
    desk.give(desk.observation(S.SCHEDULED, start_time=at(9), end_time=at(20)))
    desk.observation(S.RUNNING, "190408000", start_time=at(-60), end_time=at(8))
    assert desk.says() == (
        "Claimed by airflow at 2019-04-08T11:57:00Z. "
        "The telescope has observation 190408000 and receives this one by 2019-04-08T12:08:00Z."
    )


def test_it_was_not_started_in_time(desk: Desk) -> None:
    desk.observation(S.SCHEDULED, start_time=at(-3), end_time=at(20), status_since=at(-99))
    explanation = desk.says()
    assert explanation.startswith(
        "The start time 2019-04-08T11:57:00Z has passed, "
        "so observe will set this observation to error (too late). Waiting"
    )
    assert explanation.endswith(" Overdue since 2019-04-08T11:58:00Z.")


# Work in progress


@pytest.mark.parametrize(
    ("done", "total", "says"),
    [
        (None, None, ""),
        (0, 4_600_000_000_000, ": 0 % of 4.6 TB done"),
        (1_150_000_000_000, 4_600_000_000_000, ": 25 % of 4.6 TB done, about 3 h left"),
        (4_600_000_000_000, 4_600_000_000_000, ": 100 % of 4.6 TB done"),
        (1, 2**53 - 1, ": 0 % of 9.0 PB done"),
        (7_000_000, None, ": 7.0 MB done"),
        (0, 0, ": 0 B done"),
    ],
)
def test_an_owner_works_on_it(desk: Desk, done: int | None, total: int | None, says: str) -> None:
    desk.lease(desk.observation(S.INGESTING), done_bytes=done, total_bytes=total)
    assert (
        desk.says() == f"Run ingest/run 1 has been working on this observation since 2019-04-08T11:00:00Z{says}."
    )


def test_its_work_is_in_trouble(desk: Desk) -> None:
    trouble: dict[str, Any] = {"trouble": "archive unreachable: timed out", "trouble_since": at(-9)}
    desk.lease(desk.observation(S.INGESTING), done_bytes=25, total_bytes=100, **trouble)
    assert desk.says() == (
        "Run ingest/run 1 has been working on this observation since 2019-04-08T11:00:00Z: 25 % of 100 B done. "
        "There has been a problem since 2019-04-08T11:51:00Z: archive unreachable: timed out."
    )


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (2, "; the telescope starts it at 2019-04-08T12:02:00Z."),
        (-2, ". Its start was at 2019-04-08T11:58:00Z, but the run has not yet reported that it has started."),
    ],
)
def test_it_is_starting(desk: Desk, start: float, says: str) -> None:
    row = desk.observation(S.STARTING, start_time=at(start), end_time=at(30))
    desk.lease(row, owner="observe/run 1", began_at=at(-5))
    assert desk.says() == f"Run observe/run 1 has had this observation since 2019-04-08T11:55:00Z{says}"


def test_its_lease_has_expired_and_another_owner_may_have_the_work(desk: Desk) -> None:
    desk.lease(desk.observation(S.INGESTING), expires=-2)
    desk.hear("listen", S.INGESTING)
    assert desk.says() == (
        "The lease of run ingest/run 1 expired at 2019-04-08T11:58:00Z, so another owner can continue the work. "
        "Waiting for ingest: service listen is responding and claims observations with status ingesting."
    )


def test_its_lease_has_expired_while_the_stage_is_paused(desk: Desk) -> None:
    desk.lease(desk.observation(S.INGESTING, status_since=at(-1)), expires=-2)
    desk.govern(Actor.INGEST, delay_seconds=600, paused_by="ada", paused_at=at(-90), pause_reason="")
    assert desk.says().endswith(
        "another owner can continue the work. Stage ingest has been paused by ada since 2019-04-08T10:30:00Z."
    )


def test_its_lost_work_is_given_to_another(desk: Desk) -> None:
    row = desk.observation(S.INGESTING)
    desk.lease(row, expires=-2)
    desk.give(row)
    assert "another owner can continue the work. Claimed by airflow at 2019-04-08T11:57:00Z" in desk.says()


def test_too_many_owners_lost_it(desk: Desk) -> None:
    desk.lease(desk.observation(S.CHECKING), expires=-2, lost_owners=MAX_LOST_OWNERS)
    assert desk.says().endswith(
        ". This work has been lost 4 times, so no other owner can take it. "
        "Reconcile sets the status to incomplete."
    )


def test_a_lost_start_is_an_error(desk: Desk) -> None:
    row = desk.observation(S.STARTING, start_time=at(2), end_time=at(30))
    desk.lease(row, owner="observe/run 1", expires=-2)
    assert desk.says().endswith(
        "ATDB never starts an observation twice, "
        "so reconcile asks the telescope and sets the status to running or error (start obs)."
    )


@pytest.mark.parametrize("status", list(WORKING))
def test_no_owner_has_a_lease(desk: Desk, status: Status) -> None:
    desk.observation(status, start_time=at(5), end_time=at(9))
    assert desk.says() == (
        f"Status {status} was set by ada at 2019-04-08T11:55:00Z without a lease. "
        "ATDB does not know whether a run works on it. An operator must force a move."
    )


# At the telescope


@pytest.mark.parametrize(
    ("mode", "end", "since", "says"),
    [
        ("imaging", 30, -60, "The telescope is observing until 2019-04-08T12:30:00Z."),
        (
            "imaging",
            -0.5,
            -60,
            "The observation ended at 2019-04-08T11:59:30Z. If the data writer has not reported by "
            "2019-04-08T12:00:30Z, observe sets the status to completing.",
        ),
        (
            "arts_sc4_survey",
            -5,
            -60,
            "The observation ended at 2019-04-08T11:55:00Z. If the data writer has not reported by "
            "2019-04-08T12:10:00Z, observe sets the status to error (no completing).",
        ),
        (
            "imaging",
            -30,
            -2,
            "The observation ended at 2019-04-08T11:30:00Z, but the data writer has not reported. "
            "Observe should have set the status to completing at 2019-04-08T11:59:00Z. "
            "Check that Airflow's triggerer is running: `atdb doctor`.",
        ),
    ],
)
def test_it_is_running(desk: Desk, mode: str, end: float, since: float, says: str) -> None:
    desk.observation(S.RUNNING, observing_mode=mode, end_time=at(end), status_since=at(since))
    assert desk.says() == says


# Waiting for an operator


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        (S.COMPLETED, "hold, cancel, ingest"),
        (S.INCOMPLETE, "hold, cancel, retry, ingest"),
        (S.ERROR_TOO_LATE, "hold, cancel, retry"),
        (S.ERROR_START_OBS, "hold, cancel, retry"),
        (S.ERROR_NO_COMPLETING, "hold, cancel, retry"),
        (S.INGEST_ERROR, "hold, retry, check, ingest"),
        (S.REMOVE_ERROR, "hold, retry, check, ingest"),
    ],
)
def test_it_needs_attention(desk: Desk, status: Status, actions: str) -> None:
    desk.observation(status, reason="B007 is missing")
    expected = f"Waiting for an operator since 2019-04-08T11:55:00Z: B007 is missing. Possible actions: {actions}."
    assert desk.says() == expected


def test_it_is_on_hold(desk: Desk) -> None:
    desk.observation(S.ON_HOLD, held_from=S.VALID, reason="thunderstorm")
    assert desk.says() == "Put on hold by ada at 2019-04-08T11:55:00Z: thunderstorm. Resume returns it to valid."


def test_it_is_aborted(desk: Desk) -> None:
    desk.observation(S.ABORTED, reason="wrong field")
    assert desk.says() == "Aborted by ada at 2019-04-08T11:55:00Z: wrong field. This is final."


def test_it_is_removed_and_each_product_has_its_receipt(desk: Desk) -> None:
    desk.observation(S.REMOVED)
    desk.product("a.MS", ProductStatus.REMOVED, receipts=1)
    desk.product("b.MS", ProductStatus.REMOVED, receipts=2, host="arts001")
    assert desk.says() == ("The data were removed from arts001, wcudata1 at 2019-04-08T11:55:00Z. This is final.")


def test_it_is_removed_except_what_was_invalid(desk: Desk) -> None:
    desk.observation(S.REMOVED)
    desk.product("a.MS", ProductStatus.REMOVED, receipts=1)
    desk.product("b.MS", ProductStatus.INVALID)
    assert desk.says() == (
        "The data were removed from wcudata1 at 2019-04-08T11:55:00Z. "
        "1 of 2 data products are invalid and were not removed. This is final."
    )


@pytest.mark.parametrize(
    ("status", "receipts", "proven"),
    [
        (ProductStatus.REMOVED, 0, "1 of 2"),
        (ProductStatus.VALID, 1, "1 of 2"),
        (ProductStatus.ARCHIVED, 0, "1 of 2"),
    ],
)
def test_a_removal_that_receipts_do_not_prove_is_not_stated(
    desk: Desk, status: ProductStatus, receipts: int, proven: str
) -> None:
    desk.observation(S.REMOVED, reason="disk full")
    desk.product("a.MS", ProductStatus.REMOVED, receipts=1)
    desk.product("b.MS", status, receipts=receipts)
    assert desk.says() == (
        "Set to removed by ada at 2019-04-08T11:55:00Z: disk full. ATDB has receipts for the removal of "
        f"{proven} data products. Check wcudata1. This is final."
    )


def test_a_removal_without_data_products_is_not_stated(desk: Desk) -> None:
    desk.observation(S.REMOVED)
    assert "receipts for the removal of 0 of 0 data products. Check wcudata1." in desk.says()


# Over the API


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_its_sentence(client: Client, observe: Observe, status: Status) -> None:
    made = observe(status)
    explanation = client.why(made.taskID)
    assert (explanation.taskID, explanation.my_status, explanation.since) == (
        made.taskID,
        status,
        made.status_since,
    )
    assert len(explanation.why) > 20


def test_the_sentence_follows_what_happens(client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID

    def says(*parts: str) -> None:
        explanation = client.why(task_id).why
        assert all(part in explanation for part in parts), explanation

    says("no service for status valid has sent a heartbeat yet")
    client.sign_of_life("listen", statuses=[Status.VALID])
    says("service listen is responding")
    client.change_stage(Actor.INGEST, paused=True, reason="disk replacement")
    says("Stage ingest has been paused by admin since", "disk replacement")
    client.change_stage(Actor.INGEST, paused=False)
    client.claim(ClaimRequest(id="c1", consumer="airflow", statuses=[Status.VALID]))
    says("Claimed by airflow at")
    client.move(task_id, Status.INGESTING, owner="ingest/run 1")
    client.renew(task_id, "ingest/run 1", 60, done_bytes=5, total_bytes=10, trouble="archive unreachable")
    says("Run ingest/run 1 has been working on this observation since", "50 % of 10 B", "archive unreachable")
    client.act(task_id, Action.HOLD, reason="thunderstorm")
    says("Put on hold by admin at", "thunderstorm. Resume returns it to valid.")


def test_an_unknown_observation_has_no_explanation(url: str) -> None:
    answer = httpx.get(f"{url}/atdb/observations/1/why/", auth=("viewer", SECRETS["viewer"]))
    assert answer.status_code == 404
