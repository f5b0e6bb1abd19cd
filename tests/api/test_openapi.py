"""The OpenAPI document is valid and complete, and its page loads nothing from other hosts."""

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import httpx
import pytest
from flask import Flask
from openapi_spec_validator import validate

from atdb_interface.observations import Observation
from tests import night_reports
from tests.conftest import SECRETS


@pytest.fixture
def document(url: str) -> dict[str, Any]:
    answer = httpx.get(f"{url}/atdb/openapi.json")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, auth=("admin", SECRETS["admin"])) as opened:
        yield opened


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_route_is_in_the_document(app: Flask, document: dict[str, Any]) -> None:
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/atdb/") and not rule.rule.startswith("/atdb/docs/")
    }
    assert described == served


def test_every_operation_has_an_id_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)


def test_the_document_says_which_texts_each_parameter_of_a_url_takes(document: dict[str, Any]) -> None:
    parameters = [
        parameter
        for methods in document["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter["schema"].get("type") == "string"
    ]
    any_text = {each["name"] for each in parameters if not each["schema"].keys() & {"pattern", "enum", "format"}}
    assert len(parameters) > len(any_text)
    assert any_text == {"cursor"}  # only what the server has sent


def test_the_document_has_the_answers_of_logins_and_tokens(document: dict[str, Any]) -> None:
    def answers(method: str, path: str) -> tuple[str, str, set[str]]:
        """Return the status and the schema of success, and which statuses of two refusals are possible."""
        responses = document["paths"][path][method]["responses"]
        (success,) = (code for code in responses if code < "300")
        schema = responses[success].get("content", {}).get("application/json", {}).get("schema", {})
        return success, schema.get("$ref", "").rpartition("/")[2], {"401", "404"} & set(responses)

    assert answers("post", "/atdb/login/") == ("200", "Me", {"401"})
    assert answers("get", "/atdb/me/") == ("200", "Me", {"401"})
    assert answers("post", "/atdb/logout/") == ("204", "", {"401"})
    assert answers("post", "/atdb/tokens/") == ("201", "MadeToken", {"401"})
    assert answers("delete", "/atdb/tokens/{token_id}/") == ("204", "", {"401", "404"})


def test_the_page_of_the_document_names_no_other_host(http: httpx.Client) -> None:
    page = http.get("/atdb/docs/")
    assert page.status_code == 200
    here = str(http.base_url).removesuffix("/")
    texts = [unescape(page.text).replace(here, "")]
    for path in re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css))"', page.text):
        part = http.get(path)
        assert part.status_code == 200
        if "swagger-ui" not in path and "bootstrap" not in path:  # these have URLs of licences and namespaces
            texts.append(part.text)
    assert not [address for text in texts for address in re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)]
    config = json.loads(unescape(page.text).partition('data-config="')[2].partition('"></div>')[0])
    assert config["url"] == "/atdb/openapi.json"
    assert config["validatorUrl"] is None  # by default, Swagger UI uses an external validator


def test_each_path_answers_options_and_head(
    http: httpx.Client, document: dict[str, Any], observe: Callable[..., Observation]
) -> None:
    observe(products=1)
    needed = {"/atdb/claims/": {"statuses": "valid"}, "/atdb/claims/open/": {"consumer": "airflow"}}
    http.post("/atdb/reports/", json=night_reports.empty().model_dump(mode="json"))
    for path, methods in document["paths"].items():
        named = path.replace("{stage}", "ingest").replace("{night}", str(night_reports.NIGHT))
        address = re.sub(r"\{\w+\}", "1", named)
        options = http.options(address)
        assert options.status_code == 200, f"OPTIONS {address}"
        allowed = set(options.headers["Allow"].split(", "))
        assert {method.upper() for method in methods} == allowed - {"HEAD", "OPTIONS"}
        if "get" in methods:
            parameters = needed.get(path, {})
            head, get = http.head(address, params=parameters), http.get(address, params=parameters)
            assert get.status_code == 200, (
                f"GET {address} answers {get.status_code}. If its resource is new, this test must create the item."
            )
            assert (head.status_code, head.content) == (200, b""), f"HEAD {address}"
            assert head.headers["Content-Type"] == get.headers["Content-Type"]


def test_what_http_itself_refuses_is_a_problem_that_the_document_knows(
    http: httpx.Client, document: dict[str, Any]
) -> None:
    json_type = {"Content-Type": "application/json"}
    for path, methods in document["paths"].items():
        address = re.sub(r"\{\w+\}", "1", path)
        wrong = http.request("TRACE", address)
        assert_problem(wrong, 405)
        assert {method.upper() for method in methods} <= set(wrong.headers["Allow"].split(", "))
        for method, operation in methods.items():
            if "requestBody" in operation:
                large = b" " * (5 << 20)
                assert_problem(http.request(method, address, content=large, headers=json_type), 413)
                text = {"Content-Type": "text/plain"}
                assert_problem(http.request(method, address, content=b"x", headers=text), 415)
                assert {"413", "415"} <= operation["responses"].keys()
    assert_problem(http.get("/atdb/nothing/"), 404)


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
