"""gunicorn's settings for the API: `gunicorn --config python:atdb_api.server --bind ... 'atdb_api:create_app()'`.

Requests that gunicorn refuses before the application sees them are answered as problems (RFC 9457) too.
"""

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from io import BytesIO
from selectors import EVENT_READ
from socket import SHUT_RDWR, SHUT_WR, socket
from typing import Any

from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from atdb_api.config import Config
from atdb_interface.characters import in_one_line
from atdb_interface.errors import TYPE_PREFIX

workers = 2
threads = 8
graceful_timeout = 5
#: Longer than the interval at which pages ask again, so that they do so on the same connection.
keepalive = 15
accesslog = "-"
control_socket_disable = True
#: The largest value that gunicorn allows, because URLs can have lists of taskIDs.
limit_request_line = 8190


#: A request must be complete within this time after its beginning.
READ_SECONDS = 15.0
#: A client must have read an answer within this time after its beginning.
ANSWER_SECONDS = 30.0
#: A client has this time to close its side of a connection: an earlier end could destroy the last answer.
CLOSE_SECONDS = 2.0


class DeadlineWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads, which no client can occupy for long.

    There are deadlines for the arrival of each request, and for the reading of each answer. Without them, a few
    clients that stop in the middle would occupy all threads. A connection has a thread only for a request, and
    the loop that accepts connections waits for no client.
    """

    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadlines: dict[socket, float] = {}
        self._answer_deadlines: dict[socket, float] = {}
        self._closing: dict[socket, float] = {}

    def load_wsgi(self) -> None:
        """Load the application, which gets each request when its body is read too."""
        super().load_wsgi()
        application: Callable[..., Iterable[bytes]] = self.wsgi

        def read_first(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            body = environ["wsgi.input"].read(Config.max_body_bytes + 1)  # the application refuses a longer one
            client = environ["gunicorn.socket"]
            self._deadlines.pop(client, None)
            environ["wsgi.input"] = BytesIO(body)
            if environ.pop("HTTP_TRANSFER_ENCODING", None):  # the chunks are put together
                environ["CONTENT_LENGTH"] = str(len(body))
            answer = application(environ, start_response)
            self._answer_deadlines[client] = time.monotonic() + ANSWER_SECONDS
            return answer

        self.wsgi = read_first

    def enqueue_req(self, conn: Any) -> None:
        """Begin a request in a thread, but for a new connection only when it has sent something."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: Any) -> Any:
        """Read and answer one request."""
        self._deadlines[conn.sock] = time.monotonic() + READ_SECONDS
        try:
            return super().handle(conn)
        finally:
            self._deadlines.pop(conn.sock, None)
            self._answer_deadlines.pop(conn.sock, None)

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        """Keep a connection for the next request, or close it when its client has closed its side, or is too late.

        gunicorn would wait for the client here, in the loop that accepts connections.
        """
        if fs.cancelled() or fs.exception() or fs.result():
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(SHUT_WR)
            self.poller.register(conn.sock, EVENT_READ, self._drain)
            self._closing[conn.sock] = time.monotonic() + CLOSE_SECONDS
        except OSError:  # the client has closed it already
            self._close(conn.sock)

    def murder_pending(self) -> None:
        """Close the connections whose client is too late; gunicorn calls this each second."""
        super().murder_pending()
        now = time.monotonic()
        for client, deadline in list(self._deadlines.items()):
            if deadline < now and self._deadlines.pop(client, 0.0):
                message = f"The request was not complete after {READ_SECONDS:.0f} s."
                with suppress(OSError):  # a client that reads nothing has no room for the answer
                    util.write_error(client, HTTPStatus.REQUEST_TIMEOUT, "Request Timeout", message)
                with suppress(OSError):
                    client.shutdown(SHUT_RDWR)
        for client, deadline in list(self._answer_deadlines.items()):
            if deadline < now and self._answer_deadlines.pop(client, 0.0):
                with suppress(OSError):
                    client.shutdown(SHUT_RDWR)
        for client in [client for client, deadline in self._closing.items() if deadline < now]:
            self._end(client)

    def _drain(self, client: socket) -> None:
        """Read what a client still sends on a connection that is being closed, and close it after the end."""
        try:
            if client.recv(4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._end(client)

    def _end(self, client: socket) -> None:
        del self._closing[client]
        self.poller.unregister(client)
        self._close(client)

    def _close(self, client: socket) -> None:
        self.nr_conns -= 1
        util.close(client)


worker_class = DeadlineWorker


class SafeLogger(Logger):  # type: ignore[misc]
    """gunicorn's logger. In its access log, no user name or header can contain a line break."""

    def atoms(self, *args: Any) -> dict[str, Any]:
        """Return the values that the format of the access log can use."""
        atoms = super().atoms(*args)
        return {name: in_one_line(value) if isinstance(value, str) else value for name, value in atoms.items()}


logger_class = SafeLogger


def _write_problem(client: socket, status: int, reason: str, message: str) -> None:
    problem = {"type": f"{TYPE_PREFIX}{status}", "title": reason, "status": status, "detail": message or reason}
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(client, head.encode("latin-1") + body)


# gunicorn has no setting for this; a test fails if it stops calling this function.
util.write_error = _write_problem
