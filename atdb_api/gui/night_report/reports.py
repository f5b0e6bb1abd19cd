"""`/reports/`: the list of night reports, and each report as a page that can be saved as one file."""

import hashlib

from flask import Blueprint, Response, g, render_template, request

from atdb_api.database import Session
from atdb_api.gui.night_report import document
from atdb_api.gui.page import page
from atdb_api.reads.report_list import read_reports
from atdb_api.services import night_reports
from atdb_interface.errors import NotFound
from atdb_interface.night_reports import NightReport
from atdb_interface.roles import Capability

views = Blueprint("reports", __name__, url_prefix="/reports")


@views.get("/")
@page(Capability.READ)
def table(session: Session) -> str:
    """List the reports with their main figures."""
    return render_template(
        "gui/reports.html", nights=read_reports(session, _number(request.args.get("page", "1")))
    )


@views.get("/<night>/")
@page(Capability.READ)
def show(session: Session, night: str) -> Response:
    """Show the report of a night."""
    stored = night_reports.find_named(session, night)
    written = document.render(NightReport.model_validate_json(stored.content))
    g.content_sources = document.SOURCES
    response = Response(written, content_type="text/html; charset=utf-8")
    response.set_etag(hashlib.sha256(written.encode()).hexdigest()[:32])
    response.make_conditional(request)
    return response


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= len(text) <= 6 and int(text) > 0):
        raise NotFound(f"There is no page {text[:20]!r}.")
    return int(text)
