"""Celery's workers: at least one per queue."""

from collections.abc import Iterator

from celery import Celery

from standalone.doctor.location import Location
from standalone.doctor.results import CheckResult, failed, well
from standalone.stack.programs import broker_url

#: The queue of each process that takes tasks.
_QUEUES = {"worker": "default", "worker-telescope": "telescope"}
_ANSWER_SECONDS = 10.0


def check(place: Location) -> Iterator[CheckResult]:
    """Ask all workers through Redis, as tasks reach them, from which queues they take tasks."""
    settings = place.settings
    app = Celery(broker=broker_url(settings, place.credentials))
    app.conf.broker_transport_options = {"socket_connect_timeout": 5, "socket_timeout": 15, "max_retries": 1}
    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
        answers = app.control.inspect(timeout=_ANSWER_SECONDS).active_queues() or {}
    except Exception as error:  # kombu and redis have no common base class for "unreachable" and "refused"
        yield failed(
            "workers",
            f"a request to Redis at {settings.redis_host}:{settings.redis_port} failed: {error}",
            f"{place.look_at('redis')}. If it does not run, start it with {place.start('redis')}.",
        )
        return
    for process, queue in _QUEUES.items():
        names = sorted(
            name for name, queues in answers.items() if queue in {taken["name"] for taken in queues or ()}
        )
        if names:
            yield well("workers", f"{', '.join(names)}: queue {queue}")
            continue
        advice = f"{place.look_at(process)}. If it does not run, start it with {place.start(process)}."
        yield failed("workers", f"no worker takes tasks from the queue {queue}, so they wait", advice)
