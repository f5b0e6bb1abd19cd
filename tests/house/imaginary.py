"""With a lifecycle that has one more status, action and stage: print what the project makes of them, as JSON."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from atdb_api import create_app
from atdb_api.config import Config
from atdb_api.database import transaction
from atdb_api.gui.overviews import diagram
from atdb_api.models import Observation, StageSetting
from atdb_api.roles import Role
from atdb_interface import actions, expected, lifecycle
from atdb_interface.cli.main import main as cli
from atdb_interface.lifecycle import Action, Actor, Status

WHEN = datetime(2019, 4, 5, 12, tzinfo=UTC)


def main(database_url: str) -> None:
    """Store an observation that has the status, and read all pages that show it."""
    app = create_app(Config(database_url=database_url, anonymous_role=Role.VIEWER))
    status, action = Status("calibrating"), Action("calibrate")
    with app.app_context(), transaction() as session:
        session.add(StageSetting(stage=Actor("calibrate"), delay_seconds=0))
        session.add(
            Observation(
                task_id="190405001", status=status, status_since=WHEN, name="a name", observing_mode="imaging_tst",
                start_time=WHEN, end_time=WHEN + timedelta(hours=1), field_name="a field",
                data_location="host1:/data", priority=0, skip_auto_ingest=False, options={},
            )
        )  # fmt: skip
    client = app.test_client()
    pages = (
        "/tasks/",
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
                "overdue": client.get("/atdb/observations/?overdue=true").json,
                "row": {key: str(value) for key, value in asdict(lifecycle.STATUSES[status]).items()},
                "boxes": [box.status for box in diagram.draw(lifecycle.STEPS).boxes],
                "expected_seconds": expected.EXPECTED[status].total_seconds(),
                "actions": actions.actions_from(status),
                "target": actions.target_of(action, Status.VALID),
            }
        )
    )
    sys.stdout.flush()
    cli(["--help"])


if __name__ == "__main__":
    main(sys.argv[1])
