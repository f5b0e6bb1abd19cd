"""`/atdb/reports/`: the night reports. Each is stored once and never changes: no PUT, no DELETE."""

import hashlib

from flask import Response, current_app, request
from sqlalchemy.orm import Session

from atdb_api.models import StoredReport
from atdb_api.rest.auth import actor, is_admin
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.resources import REPORTS
from atdb_api.services import night_reports
from atdb_api.views.resource_views import listing
from atdb_interface.errors import Forbidden
from atdb_interface.night_reports import NightReport
from atdb_interface.roles import Capability

views = listing(REPORTS)


@views.post("/")
@endpoint(Capability.WORK, takes=NightReport, answers=NightReport, status=201, repeats=True)
def store(session: Session, report: NightReport) -> Response:
    """Store the report of a night: only for the account that makes the reports, and admins.

    If the night already has a report, the answer is that report, unchanged.
    """
    _require_reporter()
    stored, is_new = night_reports.store(session, report, actor=actor())
    return _whole(stored, 201 if is_new else 200)


@views.get("/<night>/")
@endpoint(Capability.READ, answers=NightReport, has_etag=True)
def detail(session: Session, night: str) -> Response:
    """Return the report of one night, as it was stored."""
    stored = night_reports.find_named(session, night)
    tag = hashlib.sha256(stored.content.encode()).hexdigest()[:32]
    response = Response(status=304) if request.if_none_match.contains(tag) else _whole(stored, 200)
    response.set_etag(tag)
    return response


def _require_reporter() -> None:
    """Raise Forbidden for other accounts, because the first report of a night cannot be replaced."""
    reporter = current_app.config["REPORTS_ACCOUNT"]
    if actor() != reporter and not is_admin():
        raise Forbidden(
            f"Only the account {reporter} and admins can store night reports; {actor()} cannot. "
            "If another account makes the reports, set ATDB_REPORTS_ACCOUNT to it where ATDB's API runs."
        )


def _whole(stored: StoredReport, status: int) -> Response:
    return Response(stored.content, status=status, content_type="application/json")
