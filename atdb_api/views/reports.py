"""`/atdb/reports/`: the reports of the nights. Each is stored once and never changes: no PUT, no DELETE."""

import hashlib

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from atdb_api.auth import actor
from atdb_api.endpoint import endpoint
from atdb_api.listings import REPORTS
from atdb_api.models import StoredReport
from atdb_api.pages import Answer, page
from atdb_api.roles import Role
from atdb_api.services import reports
from atdb_interface.night_report import NightReport

views = Blueprint("reports", __name__, url_prefix="/reports")


@views.get("/")
@endpoint(Role.VIEWER, lists=REPORTS)
def list_(session: Session) -> Answer:
    """List the night reports with their main figures, the newest first."""
    return page(session, REPORTS)


@views.post("/")
@endpoint(Role.SERVICE, takes=NightReport, answers=NightReport, status=201, repeats=True)
def store(session: Session, report: NightReport) -> Response:
    """Store the report of a night. If it has one already, the answer is that one, unchanged."""
    stored, is_new = reports.store(session, report, actor=actor())
    return _whole(stored, 201 if is_new else 200)


@views.get("/<night>/")
@endpoint(Role.VIEWER, answers=NightReport, has_etag=True)
def detail(session: Session, night: str) -> Response:
    """Return the report of one night, as it was stored."""
    stored = reports.find_named(session, night)
    tag = hashlib.sha256(stored.content.encode()).hexdigest()[:32]
    response = Response(status=304) if request.if_none_match.contains(tag) else _whole(stored, 200)
    response.set_etag(tag)
    return response


def _whole(stored: StoredReport, status: int) -> Response:
    return Response(stored.content, status=status, content_type="application/json")
