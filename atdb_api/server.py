"""gunicorn's settings for the API: `gunicorn --config python:atdb_api.server --bind ... 'atdb_api:create_app()'`.

Requests that gunicorn refuses before the application sees them are answered as problems (RFC 9457) too.
"""

import json
from socket import socket
from typing import Any

from gunicorn import util
from gunicorn.glogging import Logger

from atdb_interface.characters import in_one_line
from atdb_interface.errors import TYPE_PREFIX

workers = 2
threads = 8
worker_class = "gthread"
graceful_timeout = 5
accesslog = "-"
control_socket_disable = True
#: The largest value that gunicorn allows, because URLs can have lists of taskIDs.
limit_request_line = 8190


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
