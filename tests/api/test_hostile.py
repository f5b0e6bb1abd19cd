"""Hostile requests: each is refused with a reason, and the server is unaffected."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from standalone.settings import HOST
from tests.conftest import SECRETS, Postgres
from tests.serving import Served, serve
from tests.specifications import COORDINATES

SPECIFICATION = {
    "field_name": "3C48",
    "observing_mode": "imaging",
    **COORDINATES,
    "starttime": "2019-04-05T21:03:02Z",
    "duration": 60,
}
LONG = 100 << 20
Send = Callable[[httpx.Client], httpx.Response]


def zeros() -> Iterator[bytes]:
    for _ in range(LONG >> 16):
        yield b"0" * (1 << 16)


def specified(**fields: Any) -> Send:
    return lambda http: http.post("/observations/", content=json.dumps(SPECIFICATION | fields))


def raw(content: Any, path: str = "/observations/", **headers: str) -> Send:
    return lambda http: http.post(path, content=content, headers=headers)


def filtered(**parameters: str) -> Send:
    return lambda http: http.get("/observations/", params=parameters)


def product(filename: str) -> Send:
    return lambda http: http.post("/dataproducts/", json={"taskID": "190405001", "filename": filename})


HOSTILE: dict[str, Send] = {
    "SQL as a status": filtered(my_status="valid' or 1=1 --"),
    "SQL as a number": filtered(id="1; drop table observations"),
    "SQL as a field": filtered(**{"name) or 1=1 --": "x"}),
    "SQL as an ordering": filtered(ordering="id; drop table observations"),
    "SQL as a grouping": lambda http: http.get(
        "/summary/", params={"group_by": "1); drop table observations; --"}
    ),
    "SQL in an address": lambda http: http.get("/observations/1%20or%201=1/"),
    "a NUL in a filter": filtered(name="a\0b"),
    "10^400 in a filter": filtered(field_ra="1" + "0" * 400),
    "10^400 as a page": filtered(page="1" + "0" * 400),
    "NaN in a filter": filtered(field_ra="nan"),
    "an impossible time in a filter": filtered(starttime="2019-02-30T25:61:00Z"),
    "the year 10,000 in a filter": filtered(starttime="10000-01-01T00:00:00Z"),
    "10,000 parameters": lambda http: http.get("/observations/", params=[("a", "1")] * 10_000),
    "1,000 filters": lambda http: http.get("/observations/", params=[("id", "1")] * 1_000),
    "10,000 values": filtered(id__in=",".join(["1"] * 10_000)),
    "100 MB with its length": raw(b"0" * LONG),
    "100 MB in chunks": raw(zeros()),
    "100 MB without a login": lambda http: http.post("/observations/", content=zeros(), auth=("stranger", "x")),
    "a bomb in a form": raw(b"a=" + b"0" * (3 << 20), **{"Content-Type": "application/x-www-form-urlencoded"}),
    "deep JSON": raw(b'{"options":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001),
    "deep lists": raw(b'{"options":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}"),
    "a million keys": raw(b"{" + b",".join(b'"k%d":1' % n for n in range(200_000)) + b"}"),
    "NaN": raw(json.dumps(SPECIFICATION | {"field_ra": float("nan")})),
    "10^400": raw(json.dumps(SPECIFICATION)[:-1] + ', "field_ra": 1' + "0" * 400 + "}"),
    "a huge duration": specified(duration=10**18),
    "an impossible time": specified(starttime="2019-02-30T00:00:00Z"),
    "a time as a number": specified(starttime=1554500000),
    "half a surrogate": raw(json.dumps(SPECIFICATION).replace("3C48", "\\ud800")),
    "not UTF-8": raw(b'{"field_name": "\xff"}'),
    "a file outside": product("../../etc/passwd"),
    "a NUL in a file name": product("a\0.fits"),
    "a hidden file": product(".ssh"),
    "a pattern as a file name": product("*"),
    "a line break in a file name": product("a\r\nSet-Cookie: x=1"),
    "a place outside": specified(data_location="wcudata1:/data/../../etc"),
    "a collection outside": specified(irods_collection="/a/../../b"),
    "a control character": specified(field_name="a\x1bb"),
    "a line separator": specified(field_name="a\u2028task.endTime=2100-01-01"),
    "a paragraph separator": specified(par_file_name="a\u2029b"),
    "a next line": specified(data_location="wcudata1:/data\x85dataWriter.products=x"),
    "reversed text": specified(field_name="a\u202eb"),
    "a control character in an option": specified(options={"a": [{"b": "\x1b]0;x"}]}),
    "a line separator in a file name": product("a\u2028b.fits"),
    "two products in one name": product("a,b.fits"),
    "a file name of 241 bytes": product("é" * 120 + "x"),
    "a mode outside": specified(observing_mode="arts_sc1_/../../../../x"),
    "an escape sequence in a reason": lambda http: http.post(
        "/status/", json={"taskID": "190405001", "name": "valid", "reason": "a\x1b[2Jb"}
    ),
    "an unfinished list": filtered(field_name__in="a\\"),
    "a key of 10,000 characters": raw(json.dumps(SPECIFICATION), **{"Idempotency-Key": "x" * 4_000}),
    "another method": lambda http: http.request("TRACE", "/observations/"),
    "a walk out of the API": lambda http: http.get("/%2e%2e/%2e%2e/etc/passwd"),
    "XML": raw(b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>", **{"Content-Type": "application/xml"}),
}


@pytest.mark.timeout(300)
def test_hostile_input_is_refused_and_the_servers_memory_stays_put(served: Served) -> None:
    headers = {"Content-Type": "application/json"}
    auth = ("operator", SECRETS["operator"])
    with httpx.Client(base_url=f"{served.url}/atdb", auth=auth, headers=headers, timeout=60) as http:
        http.get("/observations/")
        held, answered = [served.memory_bytes()], set()
        for _ in range(30):
            for name, send in HOSTILE.items():
                try:
                    answer = send(http)
                except (httpx.NetworkError, httpx.RemoteProtocolError):
                    assert name.startswith("100 MB"), name
                    continue  # the server hung up before everything was sent
                assert 400 <= answer.status_code < 500, (name, answer.status_code)
                assert len(answer.content) < 20_000, name
                answered.add(name)
            held.append(served.memory_bytes())
        assert answered == HOSTILE.keys()
        assert http.get("/observations/").json()["count"] == 0
        assert http.get("/changes/", params={"account__isnull": "true"}).json()["count"] == 0
    assert max(held) < held[0] + (128 << 20)
    # Which worker gets the largest request is random; a leak would show in each of the last rounds.
    assert min(held[20:]) < 1.05 * max(held[:10])


def test_a_refusal_of_the_http_server_is_a_problem_too(served: Served) -> None:
    long = httpx.get(f"{served.url}/atdb/observations/", params={"id__in": "1," * 10_000 + "1"})
    assert (long.status_code, long.headers["Content-Type"]) == (414, "application/problem+json")
    assert long.json()["status"] == 414
    with socket.create_connection((HOST, int(served.url.rpartition(":")[2]))) as raw:
        raw.sendall(b"this is no HTTP\r\n\r\n")
        with raw.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["title"] == "Bad Request"


def test_a_name_or_header_adds_no_line_to_the_access_log(
    postgres: Postgres, database_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    with log.open("wb") as output, serve(postgres, database_url, output=output) as server:
        forged = httpx.get(f"{server.url}/atdb/", auth=("x\n10.0.0.1 - forged\u2028", "x"))
        assert forged.status_code == 401
        hidden = [(b"User-Agent", b"agent\x1b[2J\x9bagent"), (b"Referer", b"a\x85b")]
        httpx.get(f"{server.url}/atdb/health/", headers=hidden)
        httpx.get(f"{server.url}/atdb/health/", headers={"User-Agent": "the last"})
    text = log.read_text(encoding="utf-8")
    assert "the last" in text
    assert r"x 10.0.0.1 - forged\u2028" in text
    for line in text.splitlines():
        assert line.isprintable()
        assert not line.startswith("10.0.0.1")


def test_a_naive_time_is_taken_as_utc(served: Served) -> None:
    with httpx.Client(base_url=f"{served.url}/atdb", auth=("operator", SECRETS["operator"])) as http:
        made = http.post("/observations/", json=SPECIFICATION | {"starttime": "2019-04-05 21:03:02"}).json()
    assert made["starttime"] == "2019-04-05T21:03:02Z"


def test_no_header_of_an_answer_is_made_by_the_client(served: Served) -> None:
    with httpx.Client(base_url=served.url, auth=("operator", SECRETS["operator"])) as http:
        for path in ("/atdb/observations/?page_size=1&x=%0d%0aSet-Cookie:%20a=1", "/atdb/%0d%0aSet-Cookie:%20a=1"):
            answer = http.get(path)
            assert answer.status_code in (400, 404)
            assert "Set-Cookie" not in answer.headers
