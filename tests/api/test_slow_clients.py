"""Clients that send only a part of a request, or read no answer, do not keep others waiting."""

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from functools import partial
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from gunicorn.config import Config as ServerConfig
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import DEFAULT_WORKER_DATA_TIMEOUT, TConn

from atdb_api import server
from atdb_api.config import Config
from atdb_api.server import CLOSE_SECONDS, READ_SECONDS, DeadlineWorker, threads, workers
from tests.conftest import SECRETS
from tests.serving import Served

HEAD = b"GET /atdb/health/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = (
    b"POST /atdb/login/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 90\r\n\r\n{"
)

LAST = b"GET /atdb/health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

LARGE = 64 << 20

JSON = {"Content-Type": "application/json"}


def connect(served: Served) -> socket.socket:
    url = urlsplit(served.url)
    return socket.create_connection((str(url.hostname), url.port or 80), timeout=READ_SECONDS + 60)


@pytest.mark.parametrize("part", [HEAD, BODY], ids=["in the head", "in the body"])
def test_requests_that_are_never_complete_are_ended(served: Served, part: bytes) -> None:
    with ExitStack() as opened:
        clients = [opened.enter_context(connect(served)) for _ in range(3 * workers * threads)]
        began = time.monotonic()
        for client in clients:
            client.sendall(part)

        def trickle() -> None:
            while time.monotonic() < began + 3 * READ_SECONDS:
                time.sleep(1)
                try:
                    clients[0].sendall(b"a")
                except OSError:
                    return

        threading.Thread(target=trickle, daemon=True).start()
        answer = httpx.get(f"{served.url}/atdb/health/", timeout=10 * READ_SECONDS)
        assert answer.status_code == 200
        ended = b"".join(iter(lambda: clients[0].recv(4096), b""))
        assert b"HTTP/1.1 408 " in ended
        assert b"not complete after 15 s" in ended


def test_a_request_is_ended_although_its_client_reads_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "READ_SECONDS", 0.0)
    config = ServerConfig()
    worker = DeadlineWorker(0, os.getppid(), [], None, 30, config, Logger(config))
    client, served = socket.socketpair()
    with client, served:
        served.setblocking(False)
        for size in (65536, 1):
            with suppress(BlockingIOError):
                while True:
                    served.send(b"a" * size)
        client.sendall(HEAD)
        assert ends(worker, TConn(config, served, ("127.0.0.1", 1), ("127.0.0.1", 2)))


def ends(worker: DeadlineWorker, conn: TConn) -> bool:
    """Return whether a worker ends a request whose deadline is now."""
    request = threading.Thread(target=worker.handle, args=(conn,), daemon=True)
    request.start()
    for _ in range(100):  # the first ones can come before what has the deadline
        worker.murder_pending()
        request.join(0.1)
    return not request.is_alive()


def test_connections_that_their_clients_leave_open_keep_no_request_waiting(served: Served) -> None:
    with ExitStack() as opened:
        clients = [opened.enter_context(connect(served)) for _ in range(6 * workers * threads)]
        began = time.monotonic()
        for client in clients:
            client.sendall(LAST)
        for client in clients:  # each gets its whole answer, and the end of the connection
            assert b"".join(iter(partial(client.recv, 4096), b"")).startswith(b"HTTP/1.1 200 OK")
        in_turn = len(clients) * CLOSE_SECONDS / workers
        assert time.monotonic() - began < in_turn / 2


def test_a_connection_ends_although_its_client_leaves_it_open(served: Served) -> None:
    with connect(served) as client:
        client.sendall(LAST)
        assert b"".join(iter(lambda: client.recv(4096), b"")).startswith(b"HTTP/1.1 200 OK")
        assert has_ended(served, client, within_seconds=10 * CLOSE_SECONDS)


def has_ended(served: Served, client: socket.socket, *, within_seconds: float) -> bool:
    """Return whether the server has no connection to this client any more, after some time at most."""
    deadline = time.monotonic() + within_seconds
    address = client.getsockname()
    while time.monotonic() < deadline:
        if not any(each.raddr == address for p in served.process.children() for each in p.net_connections()):
            return True
        time.sleep(0.1)
    return False


def test_a_connection_without_a_request_occupies_no_thread(served: Served) -> None:
    with ExitStack() as opened:
        clients = [opened.enter_context(connect(served)) for _ in range(8 * workers * threads)]
        began = time.monotonic()
        assert httpx.get(f"{served.url}/atdb/health/", timeout=60).status_code == 200
        in_turn = len(clients) * DEFAULT_WORKER_DATA_TIMEOUT / (workers * threads)
        assert time.monotonic() - began < in_turn / 2
        clients[0].sendall(HEAD + b"x\r\n\r\n")
        assert clients[0].recv(4096).startswith(b"HTTP/1.1 200 OK")


def test_a_client_that_reads_no_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ANSWER_SECONDS", 0.0)
    config = ServerConfig()
    worker = DeadlineWorker(0, os.getppid(), [], None, 30, config, Logger(config))
    worker.app = SimpleNamespace(wsgi=lambda: large)
    worker.load_wsgi()
    client, served = socket.socketpair()
    with client, served:
        client.sendall(HEAD + b"x\r\n\r\n")
        assert ends(worker, TConn(config, served, ("127.0.0.1", 1), ("127.0.0.1", 2)))


def large(_: Any, start_response: Callable[..., Any]) -> list[bytes]:
    """Return an answer that fits into no buffer."""
    start_response("200 OK", [("Content-Length", str(LARGE))])
    return [b"x" * LARGE]


def test_a_connection_is_used_again_after_the_pause_of_a_page(served: Served) -> None:
    with closing(HTTPConnection(urlsplit(served.url).netloc, timeout=READ_SECONDS + 60)) as http:
        http.connect()
        connection = http.sock
        for _ in range(2):
            http.request("GET", "/atdb/health/")
            with http.getresponse() as answer:
                assert answer.status == 200
                assert answer.read()
            assert http.sock is connection
            time.sleep(3)


def test_bodies_arrive_whole_up_to_the_limit(served: Served) -> None:
    me = ("pipeline", SECRETS["pipeline"])
    with httpx.Client(base_url=served.url, auth=me) as http:
        for size, status in ((Config.max_body_bytes - 2, 400), (Config.max_body_bytes + 100, 413)):
            assert http.post("/atdb/events/", content=b" " * size + b"{}").status_code == status

        expecting = {"Expect": "100-continue", **JSON}
        body = b'{"name": "pipeline", "password": "%s"}' % SECRETS["pipeline"].encode()
        assert http.post("/atdb/login/", content=body, headers=expecting).status_code == 200
        in_chunks = iter([body[:9], body[9:]])
        assert http.post("/atdb/login/", content=in_chunks, headers=JSON).status_code == 200
