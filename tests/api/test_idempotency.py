"""An Idempotency-Key belongs to one request: the same method, URL and body, by the same account."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from sqlalchemy import create_engine, text

from atdb_interface.client import Client
from atdb_interface.observations import Observation
from tests.conftest import SECRETS
from tests.specifications import COORDINATES

Observe = Callable[..., Observation]
SPECIFICATION = {
    "field_name": "3C48",
    "observing_mode": "imaging",
    **COORDINATES,
    "starttime": "2019-04-05T12:00:00Z",
    "duration": 60,
}
KEY = {"Idempotency-Key": "one"}


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    """A client of the REST API with the account of an admin."""
    with httpx.Client(base_url=f"{url}/atdb", auth=("admin", SECRETS["admin"]), timeout=30) as opened:
        yield opened


def test_a_key_that_was_used_for_one_product_does_not_answer_for_another(
    client: Client, observe: Observe, http: httpx.Client
) -> None:
    first, second = client.dataproducts(taskID=observe(products=2).taskID)
    ask = {"reason": "the disk is broken"}
    assert http.post(f"/dataproducts/{first.id}/force_removal/", json=ask, headers=KEY).status_code == 200
    other = http.post(f"/dataproducts/{second.id}/force_removal/", json=ask, headers=KEY)
    assert (other.status_code, other.json()["type"]) == (422, "urn:atdb:error:KeyReused")
    forced = [each.removal_forced_by for each in client.dataproducts(taskID=first.taskID)]
    assert forced == ["admin", None]


def test_a_key_does_not_answer_for_another_body(client: Client, http: httpx.Client) -> None:
    assert http.post("/observations/", json=SPECIFICATION, headers=KEY).status_code == 201
    other = http.post("/observations/", json=SPECIFICATION | {"field_name": "3C147"}, headers=KEY)
    assert (other.status_code, other.json()["type"]) == (422, "urn:atdb:error:KeyReused")
    assert [made.field_name for made in client.observations()] == ["3C48"]


def test_a_key_belongs_to_the_account_that_sent_it(http: httpx.Client) -> None:
    assert http.post("/observations/", json=SPECIFICATION, headers=KEY).status_code == 201
    auth = ("operator", SECRETS["operator"])
    other = http.post("/observations/", json=SPECIFICATION, headers=KEY, auth=auth)
    assert (other.status_code, other.json()["type"]) == (409, "urn:atdb:error:Duplicate")
    again = http.post("/observations/", json=SPECIFICATION | {"field_name": "3C147"}, headers=KEY, auth=auth)
    assert (again.status_code, again.json()["taskID"]) == (201, "190405002")


def test_a_repeated_answer_is_the_first_one_with_its_status_and_type(http: httpx.Client) -> None:
    first = http.post("/observations/", json=SPECIFICATION, headers=KEY)
    again = http.post("/observations/", json=SPECIFICATION, headers=KEY)
    assert (again.status_code, again.content) == (201, first.content)
    assert (again.headers["Content-Type"], again.headers["Idempotent-Replayed"]) == ("application/json", "true")
    assert "Idempotent-Replayed" not in first.headers


def test_a_refused_request_can_be_sent_again_with_its_key(observe: Observe, http: httpx.Client) -> None:
    made = observe()
    ask = {"taskID": made.taskID, "name": "starting"}
    for _ in range(2):
        refused = http.post("/status/", json=ask, headers=KEY)
        assert (refused.status_code, "Idempotent-Replayed" in refused.headers) == (409, False)
    http.post("/status/", json=ask | {"name": "scheduled"})
    assert http.post("/status/", json=ask, headers=KEY).json()["name"] == "starting"
    assert http.post("/status/", json=ask, headers=KEY).headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb", "\u00e9"])
def test_a_key_that_is_no_printable_text_of_200_characters_is_refused(
    client: Client, http: httpx.Client, key: str
) -> None:
    answer = http.post("/observations/", json=SPECIFICATION, headers=[(b"Idempotency-Key", key.encode())])
    assert (answer.status_code, "Idempotency-Key" in answer.json()["detail"]) == (400, True)
    assert client.count_observations() == 0


@pytest.mark.parametrize("key", ["x", "a b", "!", "~", "x" * 200])
def test_every_other_key_is_accepted(http: httpx.Client, key: str) -> None:
    for _ in range(2):
        answer = http.post("/observations/", json=SPECIFICATION, headers={"Idempotency-Key": key})
        assert answer.status_code == 201
    assert answer.headers["Idempotent-Replayed"] == "true"


def test_a_key_on_another_method_than_post_has_no_effect(observe: Observe, http: httpx.Client) -> None:
    made = observe()
    for priority in (5, 6):
        answer = http.patch(f"/observations/{made.id}/", json={"priority": priority}, headers=KEY)
        assert (answer.status_code, answer.json()["priority"]) == (200, priority)


@pytest.mark.parametrize(("hours", "is_repeated"), [(23, True), (25, False)])
def test_an_answer_is_repeated_for_a_day_at_least(
    client: Client, http: httpx.Client, owner_url: str, hours: int, is_repeated: bool
) -> None:
    first = http.post("/observations/", json=SPECIFICATION, headers=KEY)
    client.delete_observation(first.json()["id"])
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        age = text("update kept_answers set created_at = created_at - make_interval(hours => :hours)")
        assert connection.execute(age, {"hours": hours}).rowcount == 1
        connection.execute(text("delete from maintenance.used_idempotency_keys"))
    engine.dispose()
    again = http.post("/observations/", json=SPECIFICATION, headers=KEY)
    assert (again.status_code, "Idempotent-Replayed" in again.headers) == (201, is_repeated)
    assert client.count_observations() == (0 if is_repeated else 1)


def test_a_key_has_no_effect_on_a_login_or_a_logout(url: str) -> None:
    login = {"name": "viewer", "password": SECRETS["viewer"]}
    cookies = set()
    for _ in range(2):
        answer = httpx.post(f"{url}/atdb/login/", json=login, headers=KEY)
        assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (200, False)
        cookies.add(answer.cookies["atdb_session"])
    assert len(cookies) == 2
    for _ in range(2):
        auth = ("viewer", SECRETS["viewer"])
        answer = httpx.post(f"{url}/atdb/logout/", content=b"", headers=KEY, auth=auth)
        assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (204, False)
