"""A proxy between the listener and a server, so that a kill happens at an exact point."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from standalone.settings import HOST
from tests.interface.proxy import HOP_BY_HOP

#: Gets the method and path of a request, and the response if there is one. Returns True to drop the request.
Watch = Callable[[str, str, httpx.Response | None], bool]


@contextmanager
def watched_proxy(url: str, watch: Watch, *, port: int = 0) -> Iterator[str]:
    """Forward requests to a server, those for runs one at a time; `watch` sees each request and its response."""
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_request(self) -> None:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            is_run = self.command == "POST" and self.path.endswith("/dagRuns")
            with one_at_a_time if is_run else threading.Lock():
                if watch(self.command, self.path, None):
                    self.close_connection = True
                    return
                try:
                    answer = http.request(self.command, f"{url}{self.path}", headers=headers, content=body)
                except httpx.TransportError:
                    self.close_connection = True
                    return
                if watch(self.command, self.path, answer):
                    self.close_connection = True
                    return
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name.lower() not in (*HOP_BY_HOP, "content-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_request  # noqa: N815 (as http.server names them)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

        def handle(self) -> None:
            """Close the connection when its other end is killed."""
            try:
                super().handle()
            except (ConnectionError, TimeoutError):
                self.close_connection = True

    with httpx.Client(timeout=60, trust_env=False) as http:
        server = ThreadingHTTPServer((HOST, port), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
