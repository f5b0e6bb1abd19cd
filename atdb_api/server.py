"""gunicorn's settings for the API: `gunicorn --config python:atdb_api.server --bind ... 'atdb_api:create_app()'`.

Requests that gunicorn refuses before the application sees them are answered as problems (RFC 9457) too.
"""

import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from io import BytesIO
from socket import SHUT_RDWR, socket
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


class DeadlineWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads, with a deadline for the arrival of each request.

    Without it, a few clients that stop in the middle of a request would occupy all threads.
    """

    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadlines: dict[socket, float] = {}

    def load_wsgi(self) -> None:
        """Load the application, which gets each request when its body is read too."""
        super().load_wsgi()
        application: Callable[..., Iterable[bytes]] = self.wsgi

        def read_first(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            body = environ["wsgi.input"].read(Config.max_body_bytes + 1)  # the application refuses a longer one
            self._deadlines.pop(environ["gunicorn.socket"], None)
            environ["wsgi.input"] = BytesIO(body)
            if environ.pop("HTTP_TRANSFER_ENCODING", None):  # the chunks are put together
                environ["CONTENT_LENGTH"] = str(len(body))
            return application(environ, start_response)

        self.wsgi = read_first

    def handle(self, conn: Any) -> Any:
        """Read and answer one request."""
        self._deadlines[conn.sock] = time.monotonic() + READ_SECONDS
        try:
            return super().handle(conn)
        finally:
            self._deadlines.pop(conn.sock, None)

    def murder_pending(self) -> None:
        """Close the connections whose request is too late; gunicorn calls this each second."""
        super().murder_pending()
        for client, deadline in list(self._deadlines.items()):
            if deadline < time.monotonic() and self._deadlines.pop(client, 0.0):
                message = f"The request was not complete after {READ_SECONDS:.0f} s."
                with suppress(OSError):  # a client that reads nothing has no room for the answer
                    util.write_error(client, HTTPStatus.REQUEST_TIMEOUT, "Request Timeout", message)
                with suppress(OSError):
                    client.shutdown(SHUT_RDWR)


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
