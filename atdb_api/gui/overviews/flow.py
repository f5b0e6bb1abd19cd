"""`/flow/`: the lifecycle drawn, with how many tasks and how much data each status has now."""

from dataclasses import dataclass

from flask import Blueprint, Response, render_template
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.overviews import diagram
from atdb_api.gui.page import page
from atdb_api.models import Observation, StageSetting
from atdb_api.roles import Role
from atdb_interface.lifecycle import STEPS, Status

views = Blueprint("flow", __name__, url_prefix="/flow")

_DRAWING = diagram.draw(STEPS)
_EMPTY = (0, 0)


@dataclass(frozen=True)
class Flow:
    """`numbers`: of each status, how many tasks have it and their bytes; `paused`: the stages that are."""

    numbers: dict[Status, tuple[int, int]]
    paused: list[str]
    drawing: diagram.Drawing = _DRAWING

    def count(self, status: Status) -> int:
        """Tell how many tasks have a status."""
        return self.numbers.get(status, _EMPTY)[0]

    def size_bytes(self, status: Status) -> int:
        """Tell how large the data of those are."""
        return self.numbers.get(status, _EMPTY)[1]

    def steps(self, status: Status) -> dict[str, list[Status]]:
        """Give what may follow a status, by who makes the step."""
        found: dict[str, list[Status]] = {}
        for step in STEPS:
            if step.source is status:
                found.setdefault(step.actor, []).append(step.target)
        return found


@views.get("/")
@page(Role.VIEWER)
def show(session: Session) -> str:
    """Show the lifecycle."""
    flow = _read(session)
    return render_template("gui/flow.html", flow=flow, versions=live.versions(_parts(flow)))


@views.get("/parts/")
@page(Role.VIEWER)
def parts(session: Session) -> Response:
    """Give the parts of the page that have changed."""
    return live.answer(_parts(_read(session)))


def _read(session: Session) -> Flow:
    numbers = session.execute(
        select(Observation.status, func.count(), func.sum(Observation.size_bytes)).group_by(Observation.status)
    )
    paused = select(StageSetting.stage).where(StageSetting.paused_by.is_not(None)).order_by(StageSetting.stage)
    return Flow(
        {status: (count, int(size_bytes)) for status, count, size_bytes in numbers},
        list(session.scalars(paused)),
    )


def _parts(flow: Flow) -> list[live.Part]:
    facts = (sorted(flow.numbers.items()), flow.paused)
    return [part("gui/flow_parts.html", name, facts, flow) for name in ("diagram", "table")]
