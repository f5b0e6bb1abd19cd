"""Facts about the bytes of data products: only the holder of the lease of a stage states what it has found out."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from atdb_interface.bulk import DataProductBulk
from atdb_interface.client import Client
from atdb_interface.dataproducts import BYTE_FACTS, DataProduct, DataProductChange, ProductMove
from atdb_interface.errors import Conflict, Forbidden, ForbiddenMove, NotOwner
from atdb_interface.lifecycle import STAGES, Actor, ProductStatus, Status
from atdb_interface.observations import Observation
from atdb_interface.product_lifecycle import PRODUCT_STATUSES
from tests.advancing import CHECKSUM
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
P = ProductStatus
#: A new value of each fact.
VALUES: dict[str, Any] = {
    "size": 7,
    "checksum": "cd" * 32,
    "identity": "ef" * 32,
    "disk": "a4b0b3f0-5d0f-4a4e-9f43-3a5a6a1c9d55",
    "archive_copy": "file:///alta/another",
    "archive_identity": "0c3d8f56-8e0e-4f6c-9a55-0d5f8c7f1b1e",
}
#: The stages that state each fact, once more by hand.
STATED_BY: dict[str, set[str]] = {
    "size": {"validate"},
    "checksum": {"validate"},
    "identity": {"validate", "remove"},
    "disk": {"validate", "remove"},
    "archive_copy": {"ingest"},
    "archive_identity": {"ingest"},
    P.VALID: {"validate"},
    P.INVALID: {"validate"},
    P.INGESTING: {"ingest"},
    P.ARCHIVED: {"ingest"},
    P.INGEST_ERROR: {"ingest"},
    P.REMOVED: {"remove"},
}
#: The working statuses with a lease, and from which status each begins.
SOURCES = {stage.working: stage.source for stage in STAGES if stage.working}
STAGE_OF = {stage.working: str(stage.actor) for stage in STAGES if stage.working}
FORCIBLE = {P.DEFINED, P.VALID, P.INVALID, P.INGEST_ERROR}


@pytest.fixture
def service(url: str) -> Iterator[Client]:
    with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as opened:
        yield opened


@pytest.fixture
def operator(url: str) -> Iterator[Client]:
    with Client(url, user="operator", secret=SECRETS["operator"]) as opened:
        yield opened


def product_of(client: Client, made: Observation) -> DataProduct:
    return next(iter(client.dataproducts(taskID=made.taskID, ordering="filename")))


def changes_of(client: Client, product: DataProduct) -> tuple[Any, ...]:
    return product, list(client.changes(taskID=product.taskID)), list(client.receipts())


def test_the_tables_say_who_states_what() -> None:
    of_statuses: dict[str, frozenset[Actor]] = {
        status: frozenset({row.stated_by}) for status, row in PRODUCT_STATUSES.items() if row.stated_by
    }
    stated = {**BYTE_FACTS, **of_statuses}
    assert {fact: {str(stage) for stage in stages} for fact, stages in stated.items()} == STATED_BY
    assert {status for status, row in PRODUCT_STATUSES.items() if row.forcible} == FORCIBLE
    assert set(VALUES) == set(BYTE_FACTS)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.CHECKING, Status.VALID, Status.ARCHIVED])
@pytest.mark.parametrize("fact", [*VALUES])
def test_without_a_lease_no_account_states_a_fact(
    client: Client, service: Client, operator: Client, observe: Observe, fact: str, status: Status
) -> None:
    product = product_of(client, observe(status, products=1))
    before = changes_of(client, product)
    for account in (service, operator, client):
        for value in (VALUES[fact], None):
            if value == getattr(product, fact):
                continue
            with pytest.raises(NotOwner, match=f"lease of .* can set the {fact} of"):
                account.change_dataproduct(product.id, **{fact: value})
            stated: dict[str, Any] = {fact: value}
            move = ProductMove(filename=product.filename, **stated)
            with pytest.raises(NotOwner):
                account.move_products(product.taskID, [move])
        with pytest.raises((NotOwner, Forbidden)):
            account.change_dataproduct(product.id, force=True, reason="by hand", **{fact: VALUES[fact]})
        with pytest.raises(NotOwner):
            account.change_dataproduct(product.id, owner="tests/1", **{fact: VALUES[fact]})
    assert changes_of(client, client.dataproduct(product.id)) == before


@pytest.mark.parametrize("target", list(P))
@pytest.mark.parametrize("status", [Status.CHECKING, Status.INGESTING, Status.REMOVING])
def test_without_a_lease_no_status_of_a_product_is_set(
    client: Client, service: Client, observe: Observe, status: Status, target: P
) -> None:
    product = product_of(client, observe(status, products=1))
    if target is product.my_status:
        return
    with pytest.raises((NotOwner, ForbiddenMove)):
        service.change_dataproduct(product.id, new_status=target)
    with pytest.raises((NotOwner, ForbiddenMove)):
        service.move_products(product.taskID, [ProductMove(filename=product.filename, new_status=target)])
    with pytest.raises(Forbidden):
        service.change_dataproduct(product.id, new_status=target, force=True, reason="by hand")
    assert client.dataproduct(product.id).status_history == product.status_history


@pytest.mark.parametrize("working", list(SOURCES))
@pytest.mark.parametrize("fact", [*VALUES])
def test_the_holder_of_a_lease_states_the_facts_of_its_own_stage_only(
    client: Client, service: Client, observe: Observe, working: Status, fact: str
) -> None:
    made = observe(SOURCES[working], products=1)
    product = product_of(client, made)
    service.move(made.taskID, working, owner="run 1")
    value = VALUES[fact]
    if STAGE_OF[working] in STATED_BY[fact]:
        changed = service.change_dataproduct(product.id, owner="run 1", **{fact: value})
        assert getattr(changed, fact) == value
        other: dict[str, Any] = {fact: None}
        service.move_products(made.taskID, [ProductMove(filename=product.filename, **other)], owner="run 1")
        assert getattr(client.dataproduct(product.id), fact) is None
        return
    with pytest.raises(NotOwner, match=f"can set the {fact}"):
        service.change_dataproduct(product.id, owner="run 1", **{fact: value})
    with pytest.raises(NotOwner):
        service.move_products(
            made.taskID, [ProductMove(filename=product.filename, **{fact: value})], owner="run 1"
        )
    assert getattr(client.dataproduct(product.id), fact) == getattr(product, fact)


@pytest.mark.parametrize(
    ("working", "steps"),
    [
        (Status.CHECKING, [P.VALID, P.INVALID, P.VALID]),
        (Status.INGESTING, [P.INGESTING, P.INGEST_ERROR, P.INGESTING, P.ARCHIVED]),
        (Status.REMOVING, [P.REMOVED]),
    ],
)
def test_the_holder_of_a_lease_sets_the_statuses_of_its_stage(
    client: Client, service: Client, observe: Observe, working: Status, steps: list[P]
) -> None:
    made = observe(SOURCES[working], products=1)
    product = product_of(client, made)
    service.move(made.taskID, working, owner="run 1")
    for step in steps:
        for owner in ("run 2", None):
            with pytest.raises(NotOwner):
                service.change_dataproduct(product.id, new_status=step, owner=owner)
        with pytest.raises(NotOwner):
            client.change_dataproduct(product.id, new_status=step, owner="run 1")  # another account
        assert service.change_dataproduct(product.id, new_status=step, owner="run 1").my_status is step
    assert [step.owner for step in client.dataproduct(product.id).status_history][-len(steps) :] == [
        "run 1"
    ] * len(steps)


@pytest.mark.parametrize(
    ("working", "target"),
    [
        (Status.CHECKING, P.ARCHIVED),
        (Status.CHECKING, P.INGESTING),
        (Status.CHECKING, P.REMOVED),
        (Status.INGESTING, P.INVALID),
        (Status.INGESTING, P.REMOVED),
        (Status.REMOVING, P.VALID),
        (Status.REMOVING, P.INVALID),
    ],
)
def test_the_holder_of_a_lease_sets_no_status_of_another_stage(
    client: Client, service: Client, observe: Observe, working: Status, target: P
) -> None:
    made = observe(SOURCES[working], products=1)
    product = product_of(client, made)
    service.move(made.taskID, working, owner="run 1")
    with pytest.raises((NotOwner, ForbiddenMove)):
        service.change_dataproduct(product.id, new_status=target, owner="run 1")
    assert client.dataproduct(product.id).my_status is product.my_status
    assert list(client.receipts()) == []


@pytest.mark.parametrize("target", list(P))
def test_an_operator_forces_only_statuses_that_allow_no_deletion(
    client: Client, operator: Client, observe: Observe, target: P
) -> None:
    product = product_of(client, observe(Status.INGEST_ERROR, products=1))
    if product.my_status is target:
        operator.change_dataproduct(product.id, new_status="invalid", force=True, reason="make room")
    if target not in FORCIBLE:
        with pytest.raises((NotOwner, ForbiddenMove)):
            operator.change_dataproduct(product.id, new_status=target, force=True, reason="by hand")
        return
    changed = operator.change_dataproduct(product.id, new_status=target, force=True, reason="by hand")
    last = changed.status_history[-1]
    assert (changed.my_status, last.actor, last.reason) == (target, "operator", "by hand")
    with pytest.raises((NotOwner, ForbiddenMove)):
        operator.change_dataproduct(product.id, new_status="valid" if target is not P.VALID else "invalid")


def test_an_admin_who_has_forced_a_removal_does_not_record_it(client: Client, observe: Observe) -> None:
    product = product_of(client, observe(Status.INGEST_ERROR, products=1))
    client.force_removal(product.id, "the dish was parked")
    with pytest.raises(NotOwner, match="lease of remove"):
        client.change_dataproduct(product.id, new_status="removed")
    assert list(client.receipts()) == []


def test_a_bulk_change_states_no_facts(client: Client, operator: Client, observe: Observe) -> None:
    made = observe(Status.INGEST_ERROR, products=3)
    filters = {"taskID": made.taskID}
    for change, verdict in (
        ({"checksum": VALUES["checksum"]}, "refused"),
        ({"new_status": "removed", "force": True, "reason": "by hand"}, "refused"),
        ({"new_status": "archived", "force": True, "reason": "by hand"}, "refused"),
        ({"new_status": "invalid", "force": True, "reason": "by hand"}, "changed"),
        ({"quality": "poor"}, "changed"),
    ):
        ask = DataProductBulk(filters=filters, change=DataProductChange.model_validate(change))
        preview = operator.preview_dataproducts(ask)
        assert dict(preview.verdicts) == {verdict: 3}, (change, preview.results)
        assert dict(operator.change_dataproducts(ask, preview.token).verdicts) == {verdict: 3}
    products = list(client.dataproducts(taskID=made.taskID))
    assert {(p.my_status, p.checksum, p.quality) for p in products} == {(P.INVALID, CHECKSUM, "poor")}


def test_what_is_no_fact_needs_no_lease_and_the_present_value_is_no_change(
    service: Client, client: Client, observe: Observe
) -> None:
    product = product_of(client, observe(Status.ARCHIVED, products=1))
    changed = service.change_dataproduct(
        product.id,
        description="first light",
        quality="good",
        size=product.size,
        checksum=CHECKSUM,
        archive_copy=product.archive_copy,
        new_status="archived",
    )
    assert (changed.description, changed.quality, changed.my_status) == ("first light", "good", P.ARCHIVED)


def test_a_lease_of_another_observation_is_none(service: Client, client: Client, observe: Observe) -> None:
    mine, other = observe(Status.VALID, products=1), observe(Status.VALID, products=1)
    service.move(mine.taskID, Status.INGESTING, owner="run 1")
    product = product_of(client, other)
    with pytest.raises(NotOwner):
        service.change_dataproduct(product.id, owner="run 1", new_status="ingesting")
    assert client.dataproduct(product.id).my_status is P.VALID


def test_the_lease_of_observe_states_nothing(service: Client, client: Client, observe: Observe) -> None:
    made = observe(Status.SCHEDULED, products=1)
    product = product_of(client, made)
    service.move(made.taskID, Status.STARTING, owner="observe/1")
    for change in ({"size": 7}, {"new_status": "valid"}, {"checksum": CHECKSUM}):
        with pytest.raises(NotOwner):
            service.change_dataproduct(product.id, owner="observe/1", **change)
    assert client.dataproduct(product.id) == product


def test_a_refusal_says_what_to_do(service: Client, client: Client, observe: Observe) -> None:
    product = product_of(client, observe(Status.COMPLETING, products=1))
    with pytest.raises(NotOwner) as refusal:
        service.change_dataproduct(product.id, new_status="valid")
    assert str(refusal.value) == (
        f"Only the holder of the lease of validate can set the status valid of {product.filename}. Move the "
        "observation to checking with an owner, and name this owner in the request. To repair, an operator can "
        "force the status valid, with a reason."
    )


def test_no_fact_survives_a_refused_list_of_changes(service: Client, client: Client, observe: Observe) -> None:
    made = observe(Status.COMPLETING, products=2)
    service.move(made.taskID, Status.CHECKING, owner="run 1")
    good, bad = (product.filename for product in client.dataproducts(taskID=made.taskID, ordering="filename"))
    moves = [
        ProductMove(filename=good, new_status=P.VALID, size=7, checksum=CHECKSUM),
        ProductMove(filename=bad, archive_copy="file:///alta/copy"),
    ]
    with pytest.raises(Conflict):
        service.move_products(made.taskID, moves, owner="run 1")
    assert {p.my_status for p in client.dataproducts(taskID=made.taskID)} == {P.DEFINED}
