"""Each waiting observation gets one run of its stage's DAG, in a real Airflow, also if processes are killed."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.client.async_client import AsyncClient
from atdb_interface.errors import Unavailable
from atdb_interface.lifecycle import STAGES, Actor, Stage, Status
from atdb_interface.observations import Observation
from atdb_plugins.airflow_api import AirflowApiError, AirflowUnavailable, AsyncAirflowClient
from atdb_plugins.dispatch import (
    CONSUMER,
    LOOK_AGAIN_SECONDS,
    MOST_OPEN,
    REQUESTS_AT_ONCE,
    Dispatcher,
    _readable,
)
from atdb_plugins.stage_dags import DAG_OF
from standalone.settings import HOST
from tests.airflow_serving import Airflow
from tests.conftest import free_ports
from tests.kills.watched_proxy import watched_proxy
from tests.plugins.conftest import Observe, Speaking

pytestmark = pytest.mark.timeout(600)


async def dispatch(atdb: AsyncClient, airflow: AsyncAirflowClient) -> Dispatcher:
    """Start as the listener does, and dispatch until nothing is waiting."""
    dispatcher = Dispatcher(atdb, airflow)
    while await dispatcher.step():
        pass
    return dispatcher


def claim(client: Client, claim_id: str, status: Status) -> int:
    """Claim as a listener that is killed before it creates any run; return the claim's number."""
    ask = ClaimRequest(id=claim_id, consumer=CONSUMER, statuses=[status])
    return client.claim(ask).tasks[0].number


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: str(stage.actor))
def test_what_waits_for_a_stage_gets_one_run_that_bears_its_name(
    stage: Stage, client: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    soon = {"starttime": (datetime.now(UTC) + timedelta(minutes=5)).isoformat()}
    made = observed(stage.source, products=2, **(soon if stage.source is Status.SCHEDULED else {}))
    speaking.run(dispatch)
    speaking.run(dispatch)
    run_id = f"{made.taskID}-{stage.actor}-1"
    assert airflow.runs_of(made.taskID) == {run_id: "queued"}
    assert airflow.note(stage.actor, run_id) == "3C48 · imaging · 2 data products"
    assert client.observation(made.taskID).claimed_until is not None


def test_a_specification_without_products_says_so_in_its_note(
    observed: Observe, airflow: Airflow, speaking: Speaking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATDB_URL", "http://127.0.0.1:8000")
    made = observed(Status.DEFINED, name="a *bold* <name>")
    speaking.run(dispatch)
    assert airflow.note("specify", f"{made.taskID}-specify-1") == (
        rf"a \*bold\* \<name\> · imaging · data products not defined yet · "
        f"[{made.taskID}](http://127.0.0.1:8000/tasks/{made.taskID}/)"
    )


def test_a_claim_of_which_no_run_was_created_gets_it_at_the_next_start(
    worker: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    made = [observed(Status.VALID) for _ in range(3)]
    claim(worker, f"killed {made[0].taskID}", Status.VALID)
    airflow.http.post(
        "dags/ingest/dagRuns",
        json={
            "logical_date": None,
            "dag_run_id": f"{made[1].taskID}-ingest-1",
            "partition_key": made[1].taskID,
        },
    ).raise_for_status()
    speaking.run(dispatch)
    for each in made:
        assert airflow.runs_of(each.taskID) == {f"{each.taskID}-ingest-1": "queued"}


def test_a_run_of_the_version_before_is_not_doubled(
    worker: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    made = observed(Status.VALID)
    claim(worker, f"of an asset {made.taskID}", Status.VALID)
    of_asset = airflow.run("ingest", made.taskID)
    speaking.run(dispatch)
    assert airflow.runs_of(made.taskID) == {of_asset: "queued"}


@pytest.mark.parametrize("state", ["success", "failed"])
def test_a_run_that_is_over_does_not_count_as_the_run_of_an_open_claim(
    state: str, client: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    made = observed(Status.ARCHIVED)
    speaking.run(dispatch)
    airflow.mark("remove", f"{made.taskID}-remove-1", state)
    speaking.run(dispatch)
    assert airflow.runs_of(made.taskID) == {f"{made.taskID}-remove-1": state, f"{made.taskID}-remove-2": "queued"}


def test_a_second_claim_waits_for_the_run_of_the_first(
    client: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    made = observed(Status.VALID)
    speaking.run(dispatch)
    client.release([made.taskID])  # as if it had expired before a worker was free
    speaking.run(dispatch)
    assert airflow.runs_of(made.taskID) == {f"{made.taskID}-ingest-1": "queued"}
    (second_claim,) = [each for each in client.open_claims(CONSUMER) if each.taskID == made.taskID]
    assert second_claim.number == 2


def test_a_run_that_ends_without_the_work_is_followed_by_the_next(
    client: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    made = observed(Status.VALID)
    speaking.run(dispatch)
    client.release([made.taskID])  # as by a hold and a resume while the first run is about to skip

    async def until_the_second_is_there(atdb: AsyncClient, runs: AsyncAirflowClient) -> float:
        dispatcher = Dispatcher(atdb, runs)
        await dispatcher.step()
        airflow.mark("ingest", f"{made.taskID}-ingest-1", "success")
        began = time.monotonic()
        while f"{made.taskID}-ingest-2" not in airflow.runs_of(made.taskID):
            await dispatcher.step()
            await asyncio.sleep(0.1)
            assert time.monotonic() - began < 60
        return time.monotonic() - began

    speaking.run(until_the_second_is_there)


def test_lost_work_does_not_wait_for_the_run_that_lost_it(
    worker: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    made = observed(Status.VALID)
    for number in (1, 2):
        speaking.run(dispatch)
        worker.move(made.taskID, Status.INGESTING, owner=f"ingest/{made.taskID}-ingest-{number}", lease_seconds=1)
        time.sleep(1.2)
    speaking.run(dispatch)
    runs = airflow.runs_of(made.taskID)
    assert runs == {f"{made.taskID}-ingest-{number}": "queued" for number in (1, 2, 3)}


def test_what_airflow_refuses_is_not_asked_for_all_the_time(url: str, observed: Observe, airflow: Airflow) -> None:
    for _ in range(12):
        observed(Status.ARCHIVED)
    paths: list[str] = []

    def refuses(method: str, path: str, answer: httpx.Response | None) -> bool:
        if method == "POST" and path.endswith("/remove/dagRuns") and answer is None:
            paths.append(path)
        return False

    async def for_some_seconds(atdb: AsyncClient, runs: AsyncAirflowClient) -> None:
        create = runs.create

        async def as_another(dag_id: str, run_id: str, *, partition_key: str, note: str) -> bool:
            return await create(dag_id, "not a / run id", partition_key=partition_key, note=note)

        runs.create = as_another  # type: ignore[method-assign]
        dispatcher, began = Dispatcher(atdb, runs), time.monotonic()
        while time.monotonic() - began < 2 * LOOK_AGAIN_SECONDS:
            await dispatcher.step()
            await asyncio.sleep(0.1)
        assert Status.ARCHIVED in dispatcher.troubles

    with watched_proxy(airflow.url, refuses) as proxy_url:
        Speaking(url, proxy_url, airflow.listen_password).run(for_some_seconds)
    assert 1 <= len(paths) <= 4 * REQUESTS_AT_ONCE


def test_a_reason_is_one_line_that_atdb_accepts(client: Client) -> None:
    reason = _readable("HTTP 400\n\nFailed \x1b[31mvalidating\x00 " + "x" * 9000)
    assert reason.startswith("HTTP 400 Failed [31mvalidating xxx")
    client.sign_of_life("airflow listen", statuses=[Status.VALID], troubles={Status.VALID: reason})


def test_a_paused_dag_gets_nothing_and_stands_in_the_way_of_no_other(
    client: Client, worker: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    claimed, waits, other = observed(Status.ARCHIVED), observed(Status.ARCHIVED), observed(Status.VALID)
    client.release([waits.taskID])
    claim(worker, f"killed {claimed.taskID}", Status.ARCHIVED)
    airflow.pause("remove", paused=True)
    try:
        dispatcher = speaking.run(dispatch)
        assert {status: str(reason) for status, reason in dispatcher.troubles.items()} == {
            Status.ARCHIVED: "the DAG remove is paused in Airflow; unpause it there",
            Status.REMOVING: "the DAG remove is paused in Airflow; unpause it there",
        }
        assert airflow.runs_of(claimed.taskID) == airflow.runs_of(waits.taskID) == {}
        assert client.count_waiting([Status.ARCHIVED]) == 2
        assert airflow.runs_of(other.taskID) == {f"{other.taskID}-ingest-1": "queued"}
    finally:
        airflow.pause("remove", paused=False)
    speaking.run(dispatch)
    assert airflow.runs_of(waits.taskID) != {}
    assert airflow.runs_of(claimed.taskID) == {f"{claimed.taskID}-remove-2": "queued"}


def test_a_pause_of_listen_stops_all_claims(
    client: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    made = observed(Status.VALID)
    airflow.pause("listen", paused=True)
    try:
        dispatcher = speaking.run(dispatch)
        assert set(dispatcher.troubles) == set(DAG_OF)
        assert airflow.runs_of(made.taskID) == {}
        assert client.count_waiting([Status.VALID]) == 1
    finally:
        airflow.pause("listen", paused=False)


def test_nothing_is_claimed_while_airflow_does_not_respond(
    client: Client, url: str, observed: Observe, airflow: Airflow
) -> None:
    observed(Status.VALID)
    nobody = Speaking(url, f"http://{HOST}:{free_ports(1)[0]}", "a password")
    with pytest.raises(AirflowApiError, match="did not respond"):
        nobody.run(dispatch)
    locked_out = Speaking(url, airflow.url, "wrong")
    with pytest.raises(AirflowApiError, match=r"does not accept the login of listen \(HTTP 401\)"):
        locked_out.run(dispatch)
    not_airflow = Speaking(url, url, "a password")
    with pytest.raises(AirflowApiError):
        not_airflow.run(dispatch)
    assert client.count_waiting([Status.VALID]) == 1


def test_a_token_that_has_expired_is_replaced(observed: Observe, airflow: Airflow, speaking: Speaking) -> None:
    made = observed(Status.VALID)

    async def with_an_old_token(atdb: AsyncClient, runs: AsyncAirflowClient) -> None:
        runs._token = EXPIRED
        await dispatch(atdb, runs)

    speaking.run(with_an_old_token)
    assert airflow.runs_of(made.taskID) == {f"{made.taskID}-ingest-1": "queued"}


#: Without a valid signature, and expired in 2001.
EXPIRED = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJsaXN0ZW4iLCJleHAiOjEwMDAwMDAwMDB9.c2lnbmF0dXJl"


def test_what_airflow_refuses_for_one_dag_leaves_the_others_alone(
    client: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    refused, other = observed(Status.ARCHIVED), observed(Status.VALID)

    async def half(atdb: AsyncClient, runs: AsyncAirflowClient) -> Dispatcher:
        create = runs.create

        async def ask(dag_id: str, run_id: str, *, partition_key: str, note: str) -> bool:
            # The listener's account cannot create runs of reconcile, so Airflow itself refuses this.
            requested_dag = "reconcile" if dag_id == "remove" else dag_id
            return await create(requested_dag, run_id, partition_key=partition_key, note=note)

        runs.create = ask  # type: ignore[method-assign]
        return await dispatch(atdb, runs)

    dispatcher = speaking.run(half)
    assert set(dispatcher.troubles) == {Status.ARCHIVED, Status.REMOVING}
    assert "HTTP 403" in dispatcher.troubles[Status.ARCHIVED]
    assert airflow.runs_of(other.taskID) == {f"{other.taskID}-ingest-1": "queued"}
    assert airflow.runs_of(refused.taskID) == {}
    speaking.run(dispatch)
    assert airflow.runs_of(refused.taskID) == {f"{refused.taskID}-remove-1": "queued"}


def test_an_answer_that_is_lost_is_made_good_by_the_next_step(
    url: str, observed: Observe, airflow: Airflow
) -> None:
    made = [observed(Status.VALID) for _ in range(6)]
    lost: list[str] = []

    def loses_the_first_answers(method: str, path: str, answer: httpx.Response | None) -> bool:
        if method != "POST" or not path.endswith("/dagRuns") or answer is None or len(lost) >= 2:
            return False
        lost.append(path)
        return True

    async def until_all_is_well(atdb: AsyncClient, runs: AsyncAirflowClient) -> None:
        dispatcher = Dispatcher(atdb, runs)
        with pytest.raises(AirflowUnavailable):
            await dispatcher.step()
        assert set(dispatcher.troubles) == set(DAG_OF)
        while dispatcher.troubles:
            with suppress(AirflowUnavailable):
                await dispatcher.step()

    with watched_proxy(airflow.url, loses_the_first_answers) as proxy_url:
        Speaking(url, proxy_url, airflow.listen_password).run(until_all_is_well)
    assert len(lost) == 2
    for each in made:
        assert airflow.runs_of(each.taskID) == {f"{each.taskID}-ingest-1": "queued"}


def test_atdb_away_is_no_trouble_of_airflow(airflow: Airflow) -> None:
    nobody = Speaking(f"http://{HOST}:{free_ports(1)[0]}", airflow.url, airflow.listen_password)
    with pytest.raises(Unavailable):
        nobody.run(dispatch)


def test_two_listeners_at_once_create_each_run_once(
    client: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    made = [observed(Status.VALID) for _ in range(MOST_OPEN)]

    async def both(atdb: AsyncClient, runs: AsyncAirflowClient) -> None:
        await asyncio.gather(*(dispatch(atdb, runs) for _ in range(3)))

    speaking.run(both)
    for each in made:
        assert airflow.runs_of(each.taskID) == {f"{each.taskID}-ingest-1": "queued"}


def test_what_becomes_urgent_does_not_wait_behind_what_was_there_before(
    client: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    week = [observed(Status.DEFINED) for _ in range(MOST_OPEN + 2)]
    speaking.run(dispatch)
    assert [bool(airflow.runs_of(each.taskID)) for each in week] == [True] * MOST_OPEN + [False] * 2
    tonight = observed(Status.DEFINED, starttime="2011-03-01T00:00:00Z")
    soon = observed(Status.SCHEDULED, starttime=(datetime.now(UTC) + timedelta(minutes=5)).isoformat())
    speaking.run(dispatch)
    assert airflow.runs_of(soon.taskID), "the telescope waits for no other stage"
    assert not airflow.runs_of(tonight.taskID)
    client.move(week[0].taskID, Status.SCHEDULED, force=True, reason="specified by hand")
    speaking.run(dispatch)
    assert airflow.runs_of(tonight.taskID)
    assert not airflow.runs_of(week[-1].taskID)


def test_a_stage_that_atdb_has_paused_gets_no_run(
    client: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    made: Observation = observed(Status.VALID)
    client.change_stage(Actor.INGEST, paused=True, reason="new disks")
    speaking.run(dispatch)
    assert airflow.runs_of(made.taskID) == {}
