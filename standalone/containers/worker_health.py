"""`python -m standalone.containers.worker_health`: the health check of a container with a Celery worker."""

import socket

from celery import Celery

from standalone.credentials import Credentials
from standalone.settings import Settings
from standalone.stack.programs import broker_url

_PING_SECONDS = 10.0


def main() -> int:
    """Ping the worker through Redis, as its tasks reach it; the exit status is 1 if it does not respond."""
    settings = Settings.from_environment()
    name = f"celery@{socket.gethostname()}"
    app = Celery(broker=broker_url(settings, Credentials.read(settings.credentials)))
    if app.control.ping(destination=[name], timeout=_PING_SECONDS):
        return 0
    print(f"{name} did not respond within {_PING_SECONDS:g} s")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
