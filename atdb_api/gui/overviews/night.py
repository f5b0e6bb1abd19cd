"""`/night/`: what needs attention, for the operator on duty."""

from flask import Blueprint, Response, render_template

from atdb_api.database import Session
from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.page import page
from atdb_api.reads.night import NightPage, read_night
from atdb_interface.roles import Capability

views = Blueprint("night", __name__, url_prefix="/night")


@views.get("/")
@page(Capability.READ)
def show(session: Session) -> str:
    """Show what needs attention."""
    night = read_night(session)
    return render_template("gui/night.html", night=night, versions=live.versions(_parts(night)))


@views.get("/parts/")
@page(Capability.READ)
def parts(session: Session) -> Response:
    """Return the parts of the page that have changed."""
    return live.answer(_parts(read_night(session)))


def _parts(night: NightPage) -> list[live.Part]:
    observing = [(slot, slot.percent(night.now)) for slot in night.observing]
    facts = {
        "verdict": (night.is_calm, len(night.groups), night.overdue_number, len(night.paused), len(night.gone),
                    night.deletion, [service.name for service in night.unhealthy], len(night.filling),
                    night.is_all),
        "telescope": (observing, night.following),
        "troubles": (night.groups, night.is_all),
        "overdue": (night.overdue, night.overdue_number),
        "machines": (night.paused, night.deletion, [(service.name, service.last_seen) for service in night.gone],
                     [(service.name, service.troubles) for service in night.unhealthy], night.disks),
        "events": [event.id for event in night.events],
    }  # fmt: skip
    return [part("gui/night_parts.html", name, of_part, night) for name, of_part in facts.items()]
