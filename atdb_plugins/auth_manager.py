"""Airflow's simple auth manager with one more role: only what the DAG listen needs of Airflow's API.

Airflow's own permissions are coarser: changing a note, clearing a run and marking it as failed are one permission.
So this auth manager also inspects the request itself.
"""

import json
import re
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from enum import Enum, auto
from typing import Any, cast

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

from atdb_interface.owners import STAGE_DAGS

#: A user with this role can read like a viewer, create runs of the stages' DAGs, and write their notes.
LISTENER = "listener"
_RUNS = re.compile(r"/api/v2/dags/[^/]+/dagRuns/?$")
_RUN = re.compile(r"/api/v2/dags/[^/]+/dagRuns/[^/]+/?$")
#: A larger request is not a note.
_MOST_BYTES = 100_000

Message = MutableMapping[str, Any]


class _Request(Enum):
    """What a request asks for."""

    READ = auto()
    CREATE_RUN = auto()
    CHANGE_NOTE = auto()
    OTHER = auto()


_request_kind: ContextVar[_Request] = ContextVar("request_kind", default=_Request.OTHER)


class AtdbAuthManager(SimpleAuthManager):
    """Add the role `listener` to those of Airflow's simple auth manager."""

    def is_authorized_dag(
        self,
        *,
        method: Any,
        user: SimpleAuthManagerUser,
        access_entity: DagAccessEntity | None = None,
        details: DagDetails | None = None,
    ) -> bool:
        """Allow a listener to read, to create runs of the stages' DAGs, and to write their notes."""
        needs = {_Request.CREATE_RUN: "POST", _Request.CHANGE_NOTE: "PUT"}.get(_request_kind.get())
        if user.role == LISTENER and needs:
            is_of_stage = details is not None and details.id in STAGE_DAGS
            return is_of_stage and access_entity is DagAccessEntity.RUN and method == needs
        return super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details)

    def get_fastapi_middlewares(self) -> list[Any]:
        """Register the middleware that classifies each request."""
        return [*super().get_fastapi_middlewares(), (RequestMiddleware, {})]

    @staticmethod
    def _is_authorized(*, user: SimpleAuthManagerUser, **needs: Any) -> bool:
        """Allow a listener to read what a viewer may read."""
        if user.role == LISTENER:
            if _request_kind.get() is not _Request.READ:
                return False
            user = _viewer(user)
        return bool(SimpleAuthManager._is_authorized(user=user, **needs))

    @staticmethod
    def _is_admin(user: SimpleAuthManagerUser) -> bool:
        return bool(SimpleAuthManager._is_admin(_viewer(user) if user.role == LISTENER else user))


class RequestMiddleware:
    """Classify each request before Airflow checks the permissions of its user."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Read the body of a change of one run, and pass it on unchanged."""
        kind = _Request.OTHER
        if scope["type"] == "http":
            method, path = scope["method"], scope["path"]
            if method in ("GET", "HEAD"):
                kind = _Request.READ
            elif method == "POST" and _RUNS.search(path):
                kind = _Request.CREATE_RUN
            elif method == "PATCH" and _RUN.search(path):
                body, receive = await _read(receive)
                kind = _Request.CHANGE_NOTE if _has_only_a_note(body) else _Request.OTHER
        # Set for every request: the next one on the same connection starts with the context of this one.
        _request_kind.set(kind)
        await self._app(scope, receive, send)


async def _read(receive: Callable[..., Any]) -> tuple[bytes, Callable[..., Any]]:
    """Return the body of a request, up to the longest note, and a function that returns it again."""
    messages, body = [], b""
    while len(body) <= _MOST_BYTES:
        messages.append(await receive())
        body += messages[-1].get("body", b"")
        if not messages[-1].get("more_body"):
            break

    async def again() -> Message:
        return messages.pop(0) if messages else cast(Message, await receive())

    return body, again


def _has_only_a_note(body: bytes) -> bool:
    try:
        content = json.loads(body)
    except ValueError:
        return False
    return isinstance(content, dict) and set(content) == {"note"}


def _viewer(user: SimpleAuthManagerUser) -> SimpleAuthManagerUser:
    return SimpleAuthManagerUser(username=user.username, role="viewer", teams=user.teams)
