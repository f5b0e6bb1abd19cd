"""An unreliable connection to ATDB: a small HTTP proxy that mishandles the first requests that it gets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from standalone.settings import HOST

HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "date", "server", "host", "accept-encoding")


class Fault(Enum):
    """What the proxy does with a request."""

    NO_WAY = auto()
    """The request is not forwarded, and the connection breaks."""
    ANSWER_LOST = auto()
    """ATDB carries out the request, and the connection breaks before its response."""
    BAD_GATEWAY = 502
    BUSY = 503
    TIMED_OUT = 504
    """The request is not forwarded; the proxy responds with this status."""


@dataclass
class Proxy:
    """The proxy's URL and its requests. `retry_after` is the header of responses that are faults."""

    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    retry_after: str = ""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """The method and the headers of each request."""

    def idempotency_keys(self) -> list[str | None]:
        """Return the Idempotency-Key of each request."""
        return [headers.get("idempotency-key") for _, headers in self.requests]


@contextmanager
def proxy_to(url: str, *faults: Fault, retry_after: str = "") -> Iterator[Proxy]:
    """Run a proxy that applies these faults to the first requests, and forwards all others."""
    proxy = Proxy(faults=list(faults), retry_after=retry_after)

    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            proxy.requests.append((self.command, headers))
            fault = proxy.faults.pop(0) if proxy.faults else None
            if fault in (None, Fault.ANSWER_LOST):
                kept = {name: value for name, value in headers.items() if name not in HOP_BY_HOP}
                answer = httpx.request(self.command, f"{url}{self.path}", headers=kept, content=body)
            if fault in (Fault.NO_WAY, Fault.ANSWER_LOST):
                self.close_connection = True
            elif fault:
                self.answer(fault.value, {"Retry-After": proxy.retry_after} if proxy.retry_after else {}, b"busy")
            else:
                self.answer(answer.status_code, answer.headers, answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_request  # noqa: N815 (as http.server names them)

        def answer(self, status: int, headers: Any, content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    proxy.url = f"http://{HOST}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
