"""Print, as JSON, what the project derives from a lifecycle with one more status, action and stage."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime

from atdb_api import create_app
from atdb_api.config import Config, Overlaps, SpecificationRules
from atdb_api.database import transaction
from atdb_api.gui.overviews import diagram
from atdb_api.models import StageSetting
from atdb_api.schema import statuses_view
from atdb_api.services import observations
from atdb_api.services.explain.sentences import explain
from atdb_interface import actions, expected_durations, lifecycle
from atdb_interface.cli.main import main as cli
from atdb_interface.lifecycle import Action, Actor, Status
from atdb_interface.observations import NewObservation
from atdb_interface.roles import Role
from tests.specifications import COORDINATES

WHEN = datetime(2019, 4, 5, 12, tzinfo=UTC)
RULES = SpecificationRules(overlaps=Overlaps.WARN, accepts_past_starts=True)


def main(database_url: str) -> None:
    """Store an observation in the new status, and read all pages that show it."""
    app = create_app(Config(database_url=database_url, anonymous_role=Role.VIEWER))
    status, action = Status("calibrating"), Action("calibrate")
    with app.app_context(), transaction() as session:
        session.add(StageSetting(stage=Actor("calibrate"), delay_seconds=0))
        specification = {
            "field_name": "a field",
            "observing_mode": "imaging",
            **COORDINATES,
            "starttime": WHEN,
            "duration": 3600,
        }
        made = observations.create(
            session, NewObservation.model_validate(specification), actor="tests", rules=RULES
        )
        made.status, made.status_since = status, WHEN
        task_page = f"/tasks/{made.task_id}/"
        why = {}
        for name in ("exported", "parked", "rejected"):
            new = NewObservation.model_validate({**specification, "field_name": name})
            other = observations.create(session, new, actor="tests", rules=RULES)
            other.status, other.status_since = Status(name), WHEN
            why[name] = explain(session, other, WHEN)
    client = app.test_client()
    pages = (
        "/tasks/",
        task_page,
        "/flow/",
        "/night/",
        "/services/",
        "/atdb/openapi.json",
        "/atdb/summary/?group_by=my_status",
    )
    print(
        json.dumps(
            {
                "pages": {path: client.get(path, headers={"Accept": "text/html"}).text for path in pages},
                "list": client.get("/atdb/observations/?my_status=calibrating").json,
                "why": why,
                "overdue": client.get("/atdb/observations/?overdue=true").json,
                "row": {key: str(value) for key, value in asdict(lifecycle.STATUSES[status]).items()},
                "statuses_view": statuses_view.definition(),
                "boxes": [box.status for box in diagram.draw(lifecycle.STEPS).boxes],
                "expected_seconds": expected_durations.EXPECTED[status].total_seconds(),
                "actions": actions.actions_from(status),
                "target": actions.target_of(action, Status.VALID),
            }
        )
    )
    sys.stdout.flush()
    cli(["--help"])


if __name__ == "__main__":
    main(sys.argv[1])
