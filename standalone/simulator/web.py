"""Telescope control over HTTP."""

from typing import Any

from flask import Flask, request
from werkzeug.exceptions import HTTPException

from atdb_interface.errors import AtdbError, Forbidden, NotFound
from standalone.simulator.answering import answer
from standalone.simulator.observing import Telescope
from standalone.simulator.task_memory import TaskMemory

MAX_BODY_BYTES = 1 << 20


def create_app(telescope: Telescope, logbook: TaskMemory) -> Flask:
    """Create the application. Its error responses are like those of ATDB, with a sentence in `detail`."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.strict_slashes = False

    @app.before_request
    def refuse_browsers() -> None:
        """Refuse orders from web pages: telescope control is for programs."""
        if request.method != "GET" and {"Origin", "Sec-Fetch-Site"} & set(request.headers.keys()):
            raise Forbidden(
                "This request comes from a web page. Telescope control accepts orders from programs only."
            )

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/observations/")
    def accept() -> tuple[dict[str, Any], int]:
        return answer(telescope, request.get_data())

    @app.get("/observations/")
    def list_() -> list[dict[str, Any]]:
        return [task.summary() for task in logbook.tasks()]

    @app.get("/observations/<task_id>/")
    def detail(task_id: str) -> dict[str, Any]:
        task = logbook.find(task_id) if is_task_id(task_id) else None
        if task is None:
            raise NotFound(f"the telescope has no task {task_id}")
        return task.model_dump(mode="json")

    @app.delete("/observations/<task_id>/")
    def stop(task_id: str) -> dict[str, Any]:
        if not is_task_id(task_id):
            raise NotFound(f"the telescope has no task {task_id}")
        return telescope.stop_task(task_id).summary()

    @app.errorhandler(AtdbError)
    def refuse(error: AtdbError) -> tuple[dict[str, Any], int]:
        return error.problem(), error.status

    @app.errorhandler(HTTPException)
    def refuse_request(error: HTTPException) -> tuple[dict[str, Any], int]:
        return {"title": error.name, "status": error.code, "detail": error.description}, error.code or 500

    return app


def is_task_id(text: str) -> bool:
    """Return whether a text from a request can be the name of a task's file."""
    return text.isascii() and text.isdecimal() and len(text) <= 12
