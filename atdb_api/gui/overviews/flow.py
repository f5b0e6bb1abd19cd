"""`/flow/`: a drawing of the lifecycle, with the number of observations and the size of their data by status."""

from dataclasses import dataclass

from flask import Blueprint, Response, render_template

from atdb_api.database import Session
from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.overviews import diagram
from atdb_api.gui.page import page
from atdb_api.reads.status_totals import StatusTotals, status_totals
from atdb_interface.lifecycle import STEPS, Status
from atdb_interface.roles import Capability

views = Blueprint("flow", __name__, url_prefix="/flow")

_DRAWING = diagram.draw(STEPS)


@dataclass(frozen=True)
class Flow:
    """The drawing of the lifecycle, and the totals in it."""

    totals: StatusTotals
    drawing: diagram.Drawing = _DRAWING

    def steps(self, status: Status) -> dict[str, list[Status]]:
        """Return the statuses that can follow a status, by the actor of the step."""
        targets: dict[str, list[Status]] = {}
        for step in STEPS:
            if step.source is status:
                targets.setdefault(step.actor, []).append(step.target)
        return targets


@views.get("/")
@page(Capability.READ)
def show(session: Session) -> str:
    """Show the lifecycle."""
    flow = Flow(status_totals(session))
    return render_template("gui/flow.html", flow=flow, versions=live.versions(_parts(flow)))


@views.get("/parts/")
@page(Capability.READ)
def parts(session: Session) -> Response:
    """Return the parts of the page that have changed."""
    return live.answer(_parts(Flow(status_totals(session))))


def _parts(flow: Flow) -> list[live.Part]:
    facts = (sorted(flow.totals.numbers.items()), flow.totals.paused)
    return [part("gui/flow_parts.html", name, facts, flow) for name in ("diagram", "table")]
