"""Render a report as one HTML document without scripts, with its styles and plots."""

from datetime import datetime
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from atdb_api.gui.formats import machine, moment, size, span
from atdb_api.gui.night_report import forecast_plot, headline, style, timeline_plot, volume_plot
from atdb_api.gui.night_report.axis import when
from atdb_api.gui.night_report.failures import failure_groups
from atdb_api.gui.night_report.visible import visible
from atdb_api.gui.status_groups import group_of
from atdb_interface.night_reports import NightReport
from atdb_interface.quantities import count_of

#: What a browser may load for the page: only the style sheet in it.
SOURCES = f"default-src 'none'; img-src data:; style-src '{style.HASH}'"
#: A longer table is folded.
MOST_ROWS = 60


def _environment() -> Environment:
    """Create an environment for the templates. Flask's own would make pages depend on a request."""
    made = Environment(
        loader=PackageLoader("atdb_api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if isinstance(value, str) else value,
    )
    for write in (size, span, moment, machine, group_of, link, when, count_of):
        made.filters[write.__name__] = write
    made.globals["style"] = Markup(style.CSS)  # noqa: S704 - a file of the project
    made.globals["MOST_ROWS"] = MOST_ROWS
    return made


def link(task_id: str) -> str:
    """Return the URL of an observation, relative to the URL of a report."""
    return f"../../tasks/{quote(task_id, safe='')}/"


def render(report: NightReport) -> str:
    """Return the page of a report: the same bytes for the same report."""
    return _ENVIRONMENT.get_template("night_report/document.html").render(
        report=report,
        sentences=headline.sentences(report),
        causes=failure_groups(report.failures),
        timeline=timeline_plot.of(report),
        volumes=volume_plot.of(report.data_hosts),
        forecasts=forecast_plot.of(report),
        until=lambda at: _until(at, report.ends),
    )


def _until(at: datetime, ends: datetime) -> str:
    return span(at - ends) if at > ends else "0 s"


_ENVIRONMENT = _environment()
