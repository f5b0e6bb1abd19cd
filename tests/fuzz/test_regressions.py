"""Errors that fuzzing has found, each with the one request that shows it."""

from collections.abc import Callable

import httpx
import pytest

from atdb_interface.observations import Observation
from tests.conftest import SECRETS
from tests.specifications import COORDINATES

ADMIN = ("admin", SECRETS["admin"])


@pytest.mark.parametrize("resource", ["observations", "dataproducts", "status"])
@pytest.mark.parametrize("number", [2**63, 10**30], ids=["just too large", "far too large"])
def test_an_id_that_no_column_can_hold_is_no_item(url: str, resource: str, number: int) -> None:
    assert httpx.get(f"{url}/atdb/{resource}/{number}/", auth=ADMIN).status_code == 404


def test_a_page_is_read_though_a_cursor_is_asked_for(url: str) -> None:
    assert httpx.get(f"{url}/atdb/changes/?cursor=&page=0", auth=ADMIN).status_code == 400


def test_flags_can_be_compared(url: str, observe: Callable[..., Observation]) -> None:
    observe(skip_auto_ingest="true")
    answer = httpx.get(f"{url}/atdb/observations/?skip_auto_ingest__gt=false", auth=ADMIN)
    assert answer.json()["count"] == 1


def test_a_list_that_ends_within_an_escape_is_refused_though_another_part_follows(url: str) -> None:
    for query in ("field_name__in=a%5C", "field_name__in=a%5C&field_name__in=b", "field_name__in=%5Ca"):
        assert httpx.get(f"{url}/atdb/observations/?{query}", auth=ADMIN).status_code == 400


def test_a_claim_asked_again_has_its_filters_read(url: str) -> None:
    ask = {"id": "one", "consumer": "me", "statuses": ["valid"]}
    assert httpx.post(f"{url}/atdb/claims/", json=ask, auth=ADMIN).status_code == 200
    wrong = ask | {"filters": {"id__isnull": "perhaps"}}
    assert httpx.post(f"{url}/atdb/claims/", json=wrong, auth=ADMIN).status_code == 400


def test_an_end_before_the_start_is_reported_with_field_and_message(
    url: str, observe: Callable[..., Observation]
) -> None:
    wrong = {"endtime": "1999-01-01T00:00:00Z"}
    answer = httpx.patch(f"{url}/atdb/observations/{observe().id}/", json=wrong, auth=ADMIN)
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"field": "endtime", "message": "the end is not after the start"}]


@pytest.mark.parametrize("products", [None, True, 2.5, "none"])
def test_a_number_of_products_that_the_stages_cannot_read_is_refused(url: str, products: object) -> None:
    new = {
        "field_name": "B0531+21",
        "observing_mode": "arts_sc1_timing",
        **COORDINATES,
        "starttime": "2026-04-05",
        "duration": 60,
    }
    answer = httpx.post(f"{url}/atdb/observations/", json=new | {"options": {"ndps": products}}, auth=ADMIN)
    assert answer.status_code == 400


@pytest.mark.parametrize("consumer", ["", "%20", "a%00b", "a%0Ab", "x" * 201])
def test_the_name_of_a_consumer_is_checked(url: str, consumer: str) -> None:
    assert httpx.get(f"{url}/atdb/claims/open/?consumer={consumer}", auth=ADMIN).status_code == 400
