"""Real servers of archives: an object store with the protocol of S3, and a server of SFTP."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from standalone.settings import HOST

#: The URL of an archive and the storage options of fsspec.
ArchiveAt = tuple[str, dict[str, Any]]
_USER, _SECRET = "archive", "secret-of-the-archive-in-these-tests"


@contextmanager
def object_store() -> Iterator[dict[str, Any]]:
    """Serve an object store, and yield the storage options for it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        yield {"key": _USER, "secret": _SECRET, "endpoint_url": f"http://{HOST}:{port}"}
    finally:
        server.stop()


def bucket(options: dict[str, Any]) -> ArchiveAt:
    """Create a bucket, and return an archive in it."""
    import fsspec

    name = f"alta-{uuid4().hex}"
    fsspec.filesystem("s3", **options).mkdir(name)
    return f"s3://{name}/main", options


@contextmanager
def sftp_server(root: Path) -> Iterator[ArchiveAt]:
    """Serve a folder over SSH, and yield an archive in it."""
    import asyncssh

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:  # noqa: ARG002
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (_USER, _SECRET)

    ports: list[int] = []
    stop, is_ready, loop = asyncio.Event(), threading.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        async with asyncssh.listen(
            HOST,
            0,
            server_factory=Server,
            server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=bytes(root)),
        ) as listener:
            ports.append(listener.get_port())
            is_ready.set()
            await stop.wait()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert is_ready.wait(30)
    login = {"username": _USER, "password": _SECRET, "look_for_keys": False, "allow_agent": False}
    try:
        yield f"sftp://{HOST}:{ports[0]}/alta", login
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
