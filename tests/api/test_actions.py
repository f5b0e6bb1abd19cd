"""The actions of operators on an observation: hold, resume, cancel, retry, check and ingest, also during work."""

from collections.abc import Callable

import pytest

from atdb_interface.actions import Action
from atdb_interface.bulk import ObservationBulk
from atdb_interface.client import Client
from atdb_interface.dataproducts import ProductMove
from atdb_interface.errors import BadRequest, ForbiddenMove, NotOwner
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation, ObservationChange

Observe = Callable[..., Observation]

# The target of each action from each status; if there is none, the action is refused.
LEADS = {
    "hold": {
        **dict.fromkeys(["defined", "scheduled", "completing", "checking", "valid", "completed"], "on hold"),
        **dict.fromkeys(["incomplete", "ingesting", "archived", "removing", "error (too late)"], "on hold"),
        **dict.fromkeys(["error (start obs)", "error (no completing)", "ingest error", "remove error"], "on hold"),
    },
    "resume": {},
    "cancel": {
        **dict.fromkeys(["defined", "scheduled", "starting", "running", "completing", "checking"], "aborted"),
        **dict.fromkeys(["valid", "completed", "incomplete", "on hold", "error (too late)"], "aborted"),
        **dict.fromkeys(["error (start obs)", "error (no completing)"], "aborted"),
        "ingesting": "ingest error",
        "removing": "remove error",
    },
    "retry": {
        "error (too late)": "scheduled",
        "error (start obs)": "scheduled",
        "error (no completing)": "running",
        "incomplete": "completing",
        "ingest error": "valid",
        "remove error": "archived",
    },
    "check": {"ingest error": "completing"},
    "ingest": dict.fromkeys(["completed", "incomplete", "ingest error", "archived", "remove error"], "valid"),
}


@pytest.mark.parametrize("action", list(Action))
def test_an_action_leads_where_the_table_says_and_is_refused_elsewhere(
    client: Client, observe: Observe, action: Action
) -> None:
    for status in set(Status) - {Status.ON_HOLD}:
        made = observe(status)
        target = LEADS[action].get(status)
        if target is None:
            with pytest.raises(ForbiddenMove, match="Possible actions: "):
                client.act(made.taskID, action, reason="rain")
            assert client.observation(made.taskID) == made
        else:
            client.act(made.taskID, action, reason="rain")
            last = client.observation(made.taskID).status_history[-1]
            assert (last.previous, last.name, last.actor, last.reason) == (status, target, "admin", "rain")


@pytest.mark.parametrize(
    ("status", "back"), [("valid", "valid"), ("ingesting", "valid"), ("removing", "archived")]
)
def test_resume_goes_back_to_where_it_was_or_waited(
    client: Client, observe: Observe, status: str, back: str
) -> None:
    made = observe(Status(status))
    client.act(made.taskID, Action.HOLD)
    assert client.act(made.taskID, Action.RESUME).my_status == back


@pytest.mark.parametrize("action", [Action.HOLD, Action.CANCEL])
@pytest.mark.parametrize("status", [Status.CHECKING, Status.INGESTING, Status.REMOVING])
def test_work_is_taken_from_its_owner(client: Client, observe: Observe, status: Status, action: Action) -> None:
    made = observe({"checking": Status.COMPLETING, "ingesting": Status.VALID}.get(status, Status.ARCHIVED))
    client.move(made.taskID, status, owner="run 1", lease_seconds=600)
    client.act(made.taskID, action)
    for ask in (
        lambda: client.renew(made.taskID, "run 1", 60),
        lambda: client.move_products(made.taskID, [], owner="run 1"),
    ):
        with pytest.raises(NotOwner):
            ask()


def test_no_other_owner_may_set_the_error_status_of_work(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    client.move(made.taskID, Status.INGESTING, owner="run 1", lease_seconds=600)
    with pytest.raises(NotOwner):
        client.move(made.taskID, Status.INGEST_ERROR)


@pytest.mark.parametrize("how", [Action.HOLD, Action.CANCEL, Status.INGEST_ERROR])
def test_no_product_is_ingesting_when_its_observation_is_not(
    client: Client, observe: Observe, how: Action | Status
) -> None:
    made = observe(Status.VALID, products=3)
    names = [f"{made.taskID}_{n}.fits" for n in range(3)]
    move_products(client, made, names, ProductStatus.VALID)
    client.move(made.taskID, Status.INGESTING, owner="run 1")
    move_products(client, made, names, ProductStatus.INGESTING)
    move_products(client, made, names[:1], ProductStatus.ARCHIVED)
    if isinstance(how, Action):
        client.act(made.taskID, how)
    else:
        client.move(made.taskID, how, owner="run 1")
    products = list(client.dataproducts(taskID=made.taskID))
    assert [product.my_status for product in products] == ["archived", "valid", "valid"]
    assert products[1].status_history[-1].reason.startswith("IngestEnded: The observation became ")


def test_what_is_ingested_again_is_ingested_whole(client: Client, observe: Observe) -> None:
    made = observe(Status.ARCHIVED, products=1)
    names = [f"{made.taskID}_0.fits"]
    for status in (ProductStatus.VALID, ProductStatus.INGESTING, ProductStatus.ARCHIVED):
        move_products(client, made, names, status)
    client.act(made.taskID, Action.INGEST, reason="the archive lost it")
    (product,) = client.dataproducts(taskID=made.taskID)
    assert product.my_status is ProductStatus.VALID


def test_a_request_asks_for_one_move(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    with pytest.raises(BadRequest, match="not both"):
        client.change_observation(made.id, new_status="on hold", action="hold")
    with pytest.raises(BadRequest, match="action"):
        client.change_observation(made.id, action="fly")
    assert client.observation(made.taskID) == made


def test_many_are_resumed_each_to_where_it_was(client: Client, observe: Observe) -> None:
    held = [observe(status) for status in (Status.VALID, Status.DEFINED, Status.INGEST_ERROR)]
    for made in held:
        client.act(made.taskID, Action.HOLD)
    ask = ObservationBulk(filters={"my_status": "on hold"}, change=ObservationChange(action=Action.RESUME))
    preview = client.preview_observations(ask)
    assert preview.verdicts == {"changed": 3}
    client.change_observations(ask, preview.token)
    assert [client.observation(made.taskID).my_status for made in held] == [made.my_status for made in held]


def move_products(client: Client, made: Observation, names: list[str], status: ProductStatus) -> None:
    client.move_products(made.taskID, [ProductMove(filename=name, new_status=status) for name in names])
