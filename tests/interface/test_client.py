"""The client with a running ATDB, also over an unreliable connection."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from atdb_interface.bulk import DataProductBulk, ObservationBulk, Verdict
from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProductChange, NewDataProduct, ProductMove
from atdb_interface.errors import (
    Duplicate,
    ForbiddenMove,
    NotFound,
    PreconditionFailed,
    SetChanged,
    TooManyAttempts,
    Unauthorized,
    Unavailable,
    Unexpected,
)
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation, ObservationChange
from tests.conftest import SECRETS
from tests.interface.proxy import Fault, Proxy, proxy_to
from tests.specifications import COORDINATES

Observe = Callable[..., Observation]

SPECIFICATION = {
    "field_name": "3C147",
    "observing_mode": "imaging",
    **COORDINATES,
    "starttime": datetime(2019, 4, 5, 21, 3, 2, tzinfo=UTC),
    "duration": 300,
}
REPEATED = [Fault.NO_WAY, Fault.ANSWER_LOST, Fault.BAD_GATEWAY, Fault.BUSY, Fault.TIMED_OUT]


def through(proxy: Proxy, patience: float = 20, role: str = "admin") -> Client:
    return Client(proxy.url, user=role, secret=SECRETS[role], patience=patience)


# Methods


def test_an_observation_is_found_by_its_taskid_and_by_its_id(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    assert client.observation(made.taskID) == client.observation_by_id(made.id) == made
    with pytest.raises(NotFound, match="990101001"):
        client.observation("990101001")
    with pytest.raises(NotFound):
        client.observation_by_id(made.id + 1)


def test_the_past_is_asked_for_as_any_filter(client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    while datetime.now(UTC).replace(microsecond=0) <= (
        then := client.observation(task_id).status_history[-1].timestamp
    ):
        time.sleep(0.05)  # moments of the past have whole seconds
    client.move(task_id, Status.INGESTING)
    assert client.observation(task_id).my_status is Status.INGESTING
    assert client.observation(task_id, as_of=then).my_status is Status.VALID
    assert [o.my_status for o in client.observations(as_of=then)] == [Status.VALID]
    assert client.count_observations(my_status=Status.VALID, as_of=then) == 1
    assert [group.group for group in client.summary(as_of=then).groups] == [{"my_status": "valid"}]


def test_a_walk_meets_everything_once_however_small_its_pages(client: Client, observe: Observe) -> None:
    made = [observe().taskID for _ in range(7)]
    for page_size in (1, 3, 7, 1000):
        walked = client.observations(page_size=page_size, ordering="-starttime")
        assert [o.taskID for o in walked] == made[::-1]
    assert client.count_observations() == 7


def test_a_walk_skips_nothing_where_what_it_has_passed_goes_away(client: Client, observe: Observe) -> None:
    made = [observe() for _ in range(5)]
    walked = []
    for observation in client.observations(my_status=Status.DEFINED, page_size=2):
        walked.append(observation.taskID)
        client.move(observation.taskID, Status.ABORTED)
    assert walked == [o.taskID for o in made]


def test_a_walk_continues_through_a_proxy_that_has_another_name(
    client: Client, observe: Observe, url: str
) -> None:
    made = [observe().taskID for _ in range(3)]
    with proxy_to(url) as proxy, through(proxy) as other:
        assert [o.taskID for o in other.observations(page_size=1)] == made
    assert len(proxy.requests) == 3


def test_several_values_of_a_filter_may_be_a_list(client: Client, observe: Observe) -> None:
    valid, archived, _ = observe(Status.VALID), observe(Status.ARCHIVED), observe()
    matching = client.observations(my_status__in=[Status.VALID, Status.ARCHIVED], starttime__gte=valid.starttime)
    assert [o.taskID for o in matching] == [valid.taskID, archived.taskID]


def test_some_fields_are_given_as_plain_rows_and_never_as_half_a_model(client: Client, observe: Observe) -> None:
    made = [observe().taskID for _ in range(3)]
    rows = client.rows("observations", fields=["taskID", "my_status"], page_size=2)
    assert list(rows) == [{"taskID": task_id, "my_status": "defined"} for task_id in made]
    for ask in (client.observations, client.dataproducts, client.history):
        with pytest.raises(ValueError, match="rows"):
            ask(fields="taskID")


def test_a_change_is_refused_where_another_came_before_it(client: Client, observe: Observe) -> None:
    made = observe(products=1)
    _, etag = client.observation_with_etag(made.id)
    assert client.change_observation(made.id, if_match=etag, priority=5).priority == 5
    with pytest.raises(PreconditionFailed):
        client.change_observation(made.id, if_match=etag, priority=7)
    with pytest.raises(PreconditionFailed):
        client.delete_observation(made.id, if_match=etag)
    product, etag = client.dataproduct_with_etag(made.generated_dataproducts[0])
    assert client.change_dataproduct(product.id, if_match=etag, quality="good").quality == "good"
    with pytest.raises(PreconditionFailed):
        client.change_dataproduct(product.id, if_match=etag, quality="bad")
    with pytest.raises(PreconditionFailed):
        client.delete_dataproduct(product.id, if_match=etag)
    assert client.dataproduct(product.id).quality == "good"
    assert client.observation(made.taskID).priority == 5


def test_products_are_made_counted_moved_and_deleted(client: Client, observe: Observe) -> None:
    task_id = observe().taskID
    first, second = client.create_dataproducts(
        [NewDataProduct(taskID=task_id, filename="a.fits"), {"taskID": task_id, "filename": "b.fits"}]
    )
    invalid = ProductMove(
        filename="a.fits", new_status=ProductStatus.INVALID, force=True, reason="the disk is broken"
    )
    (moved,) = client.move_products(task_id, [invalid])
    assert (moved.id, moved.my_status) == (first.id, ProductStatus.INVALID)
    assert client.dataproduct(first.id).my_status is ProductStatus.INVALID
    client.delete_dataproduct(second.id)
    assert client.count_dataproducts(taskID=task_id) == 1


def test_a_bulk_change_is_previewed_and_then_carried_out(client: Client, observe: Observe) -> None:
    failed = [observe(Status.INGEST_ERROR, products=1).taskID for _ in range(2)]
    ask = ObservationBulk(
        filters={"my_status": "ingest error"},
        change=ObservationChange(new_status=Status.VALID, reason="the disk is back"),
    )
    preview = client.preview_observations(ask)
    assert (preview.executed, preview.verdicts) == (False, {Verdict.CHANGED: 2})
    carried_out = ask.model_copy(update={"token": preview.token})
    assert not client.preview_observations(carried_out).executed
    assert client.count_observations(my_status=Status.INGEST_ERROR) == 2
    assert client.change_observations(ask, preview.token).executed
    assert {client.observation(task_id).my_status for task_id in failed} == {Status.VALID}
    with pytest.raises(SetChanged):
        client.change_observations(ask, preview.token)

    products = DataProductBulk(filters={"taskID": failed[0]}, change=DataProductChange(quality="good"))
    assert client.change_dataproducts(products, client.preview_dataproducts(products).token).count == 1
    assert [p.quality for p in client.dataproducts()] == ["good", None]


def test_an_operator_forces_a_move_and_the_history_says_so(client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    with pytest.raises(ForbiddenMove):
        client.move(task_id, Status.RUNNING, reason="wrong button")
    assert client.move(task_id, Status.RUNNING, reason="wrong button", force=True).forced
    assert [step.name for step in client.history(taskID=task_id, forced=True)] == ["running"]


def test_work_is_claimed_owned_and_renewed(client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID, observing_mode="arts_sc4_survey").taskID
    assert client.count_waiting([Status.VALID, Status.DEFINED]) == 1
    assert client.count_waiting([Status.VALID], observing_mode="imaging") == 0
    request = ClaimRequest(id="c1", consumer="tests", statuses=[Status.VALID])
    assert [task.taskID for task in client.claim(request).tasks] == [task_id]
    assert client.claim(request) == client.claim(request)
    client.move(task_id, Status.INGESTING, expect=[Status.VALID], owner="run 1", lease_seconds=5)
    renewed = client.renew(task_id, "run 1", 600)
    assert list(client.leases(owner="run 1")) == [renewed]


def test_the_overview_has_counts_and_the_account_of_each_change(client: Client, observe: Observe) -> None:
    observe(Status.VALID)
    imaging, sc4 = observe(), observe(observing_mode="arts_sc4_survey")
    client.change_observation(imaging.id, priority=3)
    client.delete_observation(sc4.id)
    summary = client.summary(["my_status", "observing_mode"], observing_mode="imaging")
    assert {tuple(g.group.values()): g.count for g in summary.groups} == {
        ("valid", "imaging"): 1,
        ("defined", "imaging"): 1,
    }
    edited, deleted = client.changes(taskID__in=[imaging.taskID, sc4.taskID])
    assert (edited.action, edited.fields["priority"]) == ("edited", (0, 3))
    assert (deleted.action, deleted.taskID, deleted.actor) == ("deleted", sc4.taskID, "admin")


def test_a_token_logs_in_until_it_is_revoked(url: str) -> None:
    with Client(url, user="operator", secret=SECRETS["operator"]) as by_password:
        made = by_password.create_token("a notebook", days=1)
        with Client(url, token=made.secret) as by_token:
            me = by_token.me()
            assert (me.account, me.role) == ("operator", "operator")
            (listed,) = by_token.tokens()
            assert (listed.id, listed.name) == (made.id, "a notebook")
            by_password.revoke_token(made.id)
            with pytest.raises(Unauthorized):
                by_token.me()
    with pytest.raises(ValueError, match="token"):
        Client(url, user="operator", token=made.secret)


def test_what_is_not_atdb_is_said_to_be_unexpected() -> None:
    for content in (b"<h1>Welcome to the hotel's network</h1>", b'{"count": 1, "next": null, "results": [{}]}'):
        transport = httpx.MockTransport(lambda _, content=content: httpx.Response(200, content=content))
        with Client("http://atdb", transport=transport) as client:
            for ask in (client.me, lambda: list(client.observations()), lambda: client.observation("190405034")):
                with pytest.raises(Unexpected):
                    ask()


# Over an unreliable connection


@pytest.mark.parametrize("fault", REPEATED)
def test_everything_is_done_once_though_the_way_fails_once(
    client: Client, observe: Observe, url: str, fault: Fault
) -> None:
    made, announced = observe(Status.VALID, products=1), observe(field_name="announced")
    never, held = observe(), observe(Status.VALID, observing_mode="arts_sc1_timing")
    (product,) = client.dataproducts(taskID=made.taskID)
    claim = ClaimRequest(id="c1", consumer="tests", statuses=[Status.DEFINED])
    bulk = ObservationBulk(filters={"taskID": held.taskID}, change=ObservationChange(new_status=Status.ON_HOLD))
    preview = client.preview_observations(bulk)
    with proxy_to(url) as proxy, through(proxy) as shaky:
        for ask in (
            lambda: shaky.create_observation(SPECIFICATION),
            lambda: shaky.create_dataproducts([{"taskID": announced.taskID, "filename": "new.fits"}]),
            lambda: shaky.change_observations(bulk, preview.token),
            lambda: shaky.change_observation(made.id, node="wcudata1"),
            lambda: shaky.change_dataproduct(product.id, quality="good"),
            lambda: shaky.move(made.taskID, Status.INGESTING, owner="run 1"),
            lambda: shaky.move_products(made.taskID, [ProductMove(filename=product.filename, quality="poor")]),
            lambda: shaky.renew(made.taskID, "run 1", 60),
            lambda: shaky.claim(claim),
            lambda: shaky.delete_observation(never.id),
            lambda: list(shaky.observations()),
        ):
            proxy.requests.clear()
            proxy.faults.append(fault)
            ask()
            assert len(proxy.requests) == 2
            assert len(set(proxy.idempotency_keys())) == 1
    assert client.count_observations(field_name="3C147") == 1
    now = client.observation(made.taskID)
    assert (now.my_status, now.node) == (Status.INGESTING, "wcudata1")
    assert [step.name for step in now.status_history].count("ingesting") == 1
    assert client.observation(held.taskID).my_status is Status.ON_HOLD
    assert [p.filename for p in client.dataproducts(taskID=made.taskID)] == [product.filename]
    assert [p.filename for p in client.dataproducts(taskID=announced.taskID)] == ["new.fits"]
    assert client.count_waiting([Status.DEFINED]) == 0
    with pytest.raises(NotFound):
        client.observation(never.taskID)


def test_each_observation_that_is_created_has_a_key_of_its_own(url: str) -> None:
    with proxy_to(url) as proxy, through(proxy) as client:
        client.create_observation(SPECIFICATION)
        with pytest.raises(Duplicate):
            client.create_observation(SPECIFICATION)
    assert None not in proxy.idempotency_keys()
    assert len(set(proxy.idempotency_keys())) == 2


def test_what_was_never_there_cannot_be_deleted(client: Client, observe: Observe) -> None:
    made = observe()
    with pytest.raises(NotFound):
        client.delete_observation(made.id + 1)


def test_a_token_is_asked_for_only_once_and_no_key_makes_atdb_keep_its_secret(url: str) -> None:
    with proxy_to(url, Fault.ANSWER_LOST) as proxy, through(proxy) as client:
        with pytest.raises(Unavailable):
            client.create_token("lost")
        assert proxy.idempotency_keys() == [None]
        (lost,) = client.tokens()
        client.revoke_token(lost.id)


def test_patience_ends_and_without_any_there_is_one_attempt(url: str) -> None:
    for patience, tries in ((0, [1]), (1.5, [3, 4])):
        with proxy_to(url, *[Fault.NO_WAY] * 9) as proxy, through(proxy, patience) as client:
            began = time.monotonic()
            with pytest.raises(Unavailable, match=proxy.url):
                client.me()
            assert time.monotonic() - began <= patience + 0.5
            assert len(proxy.requests) in tries


@pytest.mark.parametrize(
    "retry_after",
    ["1", (datetime.now(UTC) + timedelta(days=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")],
    ids=["seconds", "a moment"],
)
def test_no_request_is_repeated_before_the_time_that_the_server_names(url: str, retry_after: str) -> None:
    with proxy_to(url, Fault.BUSY, retry_after=retry_after) as proxy, through(proxy, patience=10) as client:
        began = time.monotonic()
        if retry_after == "1":
            client.me()
            assert 1 <= time.monotonic() - began < 3
            assert len(proxy.requests) == 2
        else:
            with pytest.raises(Unavailable):
                client.me()
            assert time.monotonic() - began < 1
            assert len(proxy.requests) == 1


def test_too_many_failed_logins_are_reported_at_once(url: str) -> None:
    with Client(url, user="viewer", secret="wrong", patience=20) as client:
        began = time.monotonic()
        with pytest.raises(TooManyAttempts) as refusal:  # noqa: PT012
            for _ in range(50):
                with pytest.raises(Unauthorized):
                    client.me()
        assert refusal.value.extra["retry_after"] > 0
        assert time.monotonic() - began < 15
