"""Respond to an order as telescope control does, or with a fault: not at all, late, or twice."""

from typing import Any

from flask import json, request

from atdb_interface.errors import Unavailable
from standalone.simulator.faults import ANSWERING, Fault
from standalone.simulator.observing import Telescope
from standalone.simulator.order import read_command


def answer(telescope: Telescope, body: bytes) -> tuple[dict[str, Any], int]:
    """Accept an order and return the response and its status code, changed by a fault if there is one.

    Raises BadRequest and Conflict, and Unavailable if a fault says so.
    """
    order, parset = read_command(body)
    rule = telescope.faults.take(order.task_id, *ANSWERING)
    fault = rule.fault if rule else None
    if rule and fault is Fault.DEAF:
        telescope.wait(rule.seconds)
    if fault in (Fault.DEAF, Fault.REFUSE):
        raise Unavailable("telescope control does not accept orders now")
    accepted = telescope.accept(order, parset).summary()
    if rule and fault is Fault.SILENT:
        telescope.wait(rule.seconds)
    if fault is Fault.ANSWER_TWICE:
        _answer_once_more(accepted)
    return accepted, 201


def _answer_once_more(content: dict[str, Any]) -> None:
    """Send a complete response before the one that the server sends."""
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 201 CREATED\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    request.environ["werkzeug.socket"].sendall(head.encode() + body)
