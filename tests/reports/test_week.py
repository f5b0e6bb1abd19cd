"""A real week, replayed with faults: its reports agree with the REST API, and later edits change none."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from atdb_interface.actions import Action, target_of
from atdb_interface.client import Client
from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import Status
from atdb_interface.nights import Night
from tests.gui.screenshots import observatory, replay
from tests.reports.conftest import RunReport
from tests.reports.figures import Known, compare

#: ATDB_REPORTED_OBSERVATIONS=400 replays all of the week.
NUMBER = int(os.environ.get("ATDB_REPORTED_OBSERVATIONS") or 120)
NIGHTS = 7


@pytest.mark.timeout(1800)
def test_a_real_week_is_reported_night_by_night_and_its_reports_stay_as_they_are(
    client: Client,
    superuser_url: str,
    run_report: RunReport,
    real_schedules: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "_MOST_OBSERVATIONS", NUMBER)
    schedule = real_schedules / "imaging_sched_longcal_ppmod30_04-08_21h_EAKA_imaging.sh"
    clients = dict.fromkeys(("airflow", "astronomer", "operator", "telescope"), client)
    last = Night.last(datetime.now(UTC), 8)
    # As of its end, so that the nights have the same content at every time of day.
    filled = observatory.fill(partial(replay.planned, schedule), clients, superuser_url, last.ends)
    assert len(filled.made) >= min(NUMBER, 289)
    nights = [last.day - timedelta(days=back) for back in range(NIGHTS)]
    known, compared, reports = Known(client), Counter[str](), {}
    for night in nights:
        run_report(night)
        reports[night] = client.night_report(night)
        compared += compare(reports[night], known, with_disks=False)
    parts = ("observed", "failures", "waiting", "slowest", "data_hosts")
    assert min(compared[part] for part in parts) >= 3, compared
    print(dict(compared))
    edit(client)
    for night in nights:
        run_report(night)
        assert client.night_report(night) == reports[night]


def edit(client: Client) -> None:
    """Do the actions of operators in a week: renames, holds, retries, cancels, forced moves, deletions."""
    done: Counter[str] = Counter()
    actions = list(Action)
    for number, each in enumerate(list(client.observations())):
        client.change_observation(each.id, name=f"renamed {number}", node="wcudata9", reason="a better name")
        rotated = [*actions[number % len(actions) :], *actions[: number % len(actions)]]
        action = next((one for one in rotated if target_of(one, each.my_status, None)), None)
        try:
            if each.my_status is Status.DEFINED:
                client.delete_observation(each.id)
                done["deleted"] += 1
            elif each.my_status is Status.ARCHIVED and number % 5 == 0:
                client.move(each.taskID, Status.DEFINED, force=True, reason="all again")
                done["forced"] += 1
            elif action:
                client.act(each.taskID, action, reason="an edit")
                done[action] += 1
        except AtdbError:
            done["refused"] += 1
    assert done[Action.HOLD] > 3, done
    assert done[Action.CANCEL] > 3, done
    print(dict(done))
