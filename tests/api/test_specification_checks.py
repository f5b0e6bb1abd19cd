"""What the telescope cannot do is refused when it is specified, with every reason; real schedules are not."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from atdb_api.config import Overlaps, SpecificationRules
from atdb_api.database import transaction
from atdb_api.models import Observation as Row
from atdb_interface.actions import Action
from atdb_interface.bulk import ObservationBulk
from atdb_interface.cli.schedule import read_schedule
from atdb_interface.client import Client
from atdb_interface.errors import BadRequest, Conflict, ForbiddenMove
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation, ObservationChange
from standalone.replay import shifted
from tests.specifications import COORDINATES

TONIGHT = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
FIELD = {"field_name": "3C48", "observing_mode": "imaging", **COORDINATES}
SPECIFICATION = {**FIELD, "starttime": TONIGHT.isoformat(), "duration": 300}


@pytest.fixture
def specification_rules() -> SpecificationRules:
    """The rules of a site that sets none."""
    return SpecificationRules()


def specified(start: datetime = TONIGHT, **fields: Any) -> dict[str, Any]:
    return {**SPECIFICATION, "starttime": start.isoformat(), **fields}


def refused(act: Callable[[], object]) -> dict[str, str]:
    """Return the message of each field for which a request is refused."""
    with pytest.raises(BadRequest) as refusal:
        act()
    return {error["field"]: error["message"] for error in refusal.value.extra["errors"]}


def test_no_real_schedule_is_refused(client: Client, real_schedules: Path) -> None:
    begin, count = TONIGHT, 0
    for path in sorted(real_schedules.glob("*.sh")):
        schedule = shifted(read_schedule(path), begin, 1)
        made = [client.create_observation(new) for new in schedule]
        assert all(observation.status_history[0].reason == "" for observation in made), path
        count += len(made)
        begin = max(observation.endtime for observation in made) + timedelta(minutes=1)
    assert count == client.count_observations() == 323


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"starttime": TONIGHT - timedelta(hours=2)}, {"starttime": "the start has passed"}),
        ({"starttime": "2130-01-01T00:00:00Z"}, {"starttime": "more than 730 days from now"}),
        ({"duration": 7 * 86400 + 1}, {"endtime": "more than 7 days after the start"}),
        ({"field_ra": None}, {"field_ra": "no coordinates"}),
        ({"field_dec": None}, {"field_dec": "no declination"}),
        ({"field_dec": -37.2}, {"field_dec": "a field at -37.2 degrees never rises at WSRT"}),
        ({"field_ha": 1.5}, {"field_ha": "a right ascension and an hour angle"}),
        ({"start_band": 24, "end_band": 1}, {"end_band": "the last band, 1, is before the first one, 24"}),
        ({"telescopes": "2222AA"}, {"telescopes": "2222AA names 2 and A more than once"}),
        (
            {"central_frequency": 1.37e9},
            {"central_frequency": "1370000000 is not a frequency from 1130 to 1750 MHz"},
        ),
        ({"central_frequency": 1129.9}, {"central_frequency": "1129.9 is not"}),
        ({"options": {"feild_ra": "1"}}, {"options.feild_ra": "did you mean field_ra?"}),
        ({"options": {"skip_auto_ingets": True}}, {"options.skip_auto_ingets": "did you mean skip_auto_ingest?"}),
        ({"options": {"patern": "square"}}, {"options.patern": "did you mean pattern?"}),
        ({"options": {"dry_run": True}}, {"options.dry_run": "it knows ndps, process_triggers"}),
        (
            {"field_ra": None, "field_dec": None, "telescopes": "33"},
            {"field_ra": "no coordinates", "field_dec": "no declination", "telescopes": "names 3"},
        ),
    ],
)
def test_what_the_telescope_cannot_do_is_refused_with_each_reason(
    client: Client, fields: dict[str, Any], problems: dict[str, str]
) -> None:
    found = refused(lambda: client.create_observation(specified(**fields)))
    assert found.keys() == problems.keys()
    assert all(problems[field] in found[field] for field in problems)
    assert not client.count_observations()
    made = client.create_observation(specified())
    assert made.taskID.endswith("001"), "a refused specification took a taskID"


@pytest.mark.parametrize("field", ["starttime", "endtime"])
def test_a_time_without_a_time_of_day_is_refused(client: Client, field: str) -> None:
    day = f"{TONIGHT + timedelta(days=1):%Y-%m-%d}"
    fields = {"starttime": TONIGHT.isoformat(), "endtime": TONIGHT + timedelta(hours=1), field: day}
    found = refused(lambda: client.create_observation({**FIELD, **fields}))
    assert f"{day} has no time of day, such as {day}T21:03:02Z" in found[field]
    made = client.create_observation(specified())
    with pytest.raises(BadRequest, match="no time of day"):
        client.change_observation(made.id, **{field: day})


@pytest.mark.parametrize(
    "fields",
    [
        {"central_frequency": 1130, "start_band": 3, "end_band": 3},
        {"central_frequency": 1750, "telescopes": "D2", "options": {"process_triggers": True, "ndps": 3}},
        {"field_ra": None, "field_ha": -29.3},
        {"starttime": datetime.now(UTC) + timedelta(days=729)},
        {"duration": 7 * 86400},
    ],
)
def test_the_limits_themselves_are_possible(client: Client, fields: dict[str, Any]) -> None:
    assert client.create_observation(specified(**fields)).my_status is Status.DEFINED


def test_a_start_that_observe_would_still_make_is_accepted(client: Client) -> None:
    just_now = datetime.now(UTC) - timedelta(seconds=30)
    assert client.create_observation(specified(just_now)).my_status is Status.DEFINED


def test_an_edit_is_refused_for_what_it_makes_wrong(client: Client) -> None:
    made = client.create_observation(specified(telescopes="23"))
    found = refused(lambda: client.change_observation(made.id, field_ra=None, telescopes="22"))
    assert found.keys() == {"field_ra", "telescopes"}
    found = refused(lambda: client.change_observation(made.id, options={"ndp": 2}))
    assert "did you mean ndps?" in found["options.ndp"]
    assert client.observation(made.taskID) == made
    times: dict[str, Any] = {"starttime": TONIGHT - timedelta(days=1), "endtime": TONIGHT}
    assert refused(lambda: client.change_observation(made.id, **times)).keys() == {"starttime"}
    in_2130 = "2130-01-01T00:00:00Z"
    assert refused(lambda: client.change_observation(made.id, endtime=in_2130)).keys() == {"endtime"}


def test_what_an_earlier_version_accepted_is_corrected_one_by_one(client: Client, app: Flask) -> None:
    made = client.create_observation(specified())
    with app.app_context(), transaction() as session:
        row = session.get(Row, made.id)
        assert row is not None
        row.field_ra, row.telescopes, row.options = None, "2222AA", {"note": "old"}
    client.change_observation(made.id, priority=7)
    client.change_observation(made.id, telescopes="2A")
    assert client.change_observation(made.id, field_ra=1.0, options={}).telescopes == "2A"


def test_two_observations_need_different_dishes_at_the_same_time(client: Client) -> None:
    first = client.create_observation(specified(telescopes="234", field_dec=80))
    other: dict[str, Any] = {"field_name": "south", "field_dec": -30}
    for start in (TONIGHT + timedelta(seconds=299), TONIGHT - timedelta(seconds=299)):
        for dishes in ("4AB", None):
            with pytest.raises(Conflict, match=f"Observation {first.taskID} needs a dish of this one") as refusal:
                client.create_observation(specified(start, telescopes=dishes, **other))
            assert refusal.value.extra["taskID"] == first.taskID
    client.create_observation(specified(telescopes="AB", **other))
    client.create_observation(specified(TONIGHT + timedelta(seconds=300), **other))


@pytest.mark.parametrize("status", [Status.ON_HOLD, Status.SCHEDULED, Status.RUNNING])
def test_an_observation_that_will_use_the_telescope_takes_its_time(
    client: Client, observe: Callable[..., Observation], status: Status
) -> None:
    taken = observe(status, starttime=TONIGHT.isoformat())
    with pytest.raises(Conflict, match=taken.taskID):
        client.create_observation(specified(field_name="other"))


@pytest.mark.parametrize("status", [Status.ABORTED, Status.COMPLETING, Status.ERROR_TOO_LATE])
def test_an_observation_that_has_left_the_telescope_takes_no_time(
    client: Client, observe: Callable[..., Observation], status: Status
) -> None:
    left = observe(status, starttime=TONIGHT.isoformat())
    made = client.create_observation(specified(field_name="other"))
    assert (made.starttime, made.status_history[0].reason) == (left.starttime, "")


def test_an_edit_cannot_take_the_time_of_another_observation(client: Client) -> None:
    first = client.create_observation(specified())
    later = TONIGHT + timedelta(hours=1)
    second = client.create_observation(specified(later, telescopes="2"))
    client.change_observation(second.id, starttime=later + timedelta(minutes=1))  # its own time is free
    with pytest.raises(Conflict, match=first.taskID):
        client.change_observation(second.id, starttime=TONIGHT + timedelta(minutes=4))
    client.change_observation(first.id, telescopes="34")
    client.change_observation(second.id, starttime=TONIGHT + timedelta(minutes=4))
    with pytest.raises(Conflict, match=second.taskID):
        client.change_observation(first.id, telescopes="23")


@pytest.mark.parametrize("status", [Status.ERROR_TOO_LATE, Status.ERROR_START_OBS])
def test_a_retry_cannot_take_the_time_of_another_observation(
    client: Client, observe: Callable[..., Observation], status: Status
) -> None:
    left = observe(status, starttime=TONIGHT.isoformat())
    other = client.create_observation(specified(field_name="other"))
    retry = ObservationBulk(filters={"taskID": left.taskID}, change=ObservationChange(action=Action.RETRY))
    for ask in (
        lambda: client.act(left.taskID, Action.RETRY),
        lambda: client.move(left.taskID, Status.SCHEDULED, expect=[status]),
    ):
        with pytest.raises(Conflict, match=f"Observation {other.taskID} needs a dish of this one"):
            ask()
    (result,) = client.preview_observations(retry).results
    assert other.taskID in result.detail
    assert client.observation(left.taskID) == left
    with pytest.raises(ForbiddenMove):
        client.move(left.taskID, Status.SCHEDULED, expect=[Status.DEFINED])
    client.act(other.taskID, Action.CANCEL, reason="not tonight")
    assert client.act(left.taskID, Action.RETRY).my_status is Status.SCHEDULED


def test_a_retry_with_another_time_takes_that(client: Client, observe: Callable[..., Observation]) -> None:
    left = observe(Status.ERROR_TOO_LATE, starttime=TONIGHT.isoformat())
    client.create_observation(specified(field_name="other"))
    later = TONIGHT + timedelta(hours=1)
    retried = client.change_observation(
        left.id, starttime=later, endtime=later + timedelta(minutes=5), action=Action.RETRY
    )
    assert (retried.my_status, retried.starttime) == (Status.SCHEDULED, later)


def test_of_many_observations_at_the_same_time_one_is_accepted(client: Client) -> None:
    outcomes: list[object] = []

    def submit(number: int) -> None:
        start = TONIGHT.replace(hour=23, minute=58) + timedelta(days=1, minutes=number)  # on two days
        try:
            outcomes.append(client.create_observation(specified(start, field_name=f"field {number}")))
        except Conflict as refusal:
            outcomes.append(refusal)

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 3 + ["Observation"]


class TestWithOtherRules:
    @pytest.fixture
    def specification_rules(self) -> SpecificationRules:
        return SpecificationRules(frozenset({"note"}), Overlaps.WARN, accepts_past_starts=True)

    def test_an_overlap_is_a_warning_in_the_history(self, client: Client) -> None:
        first = client.create_observation(specified())
        second = client.create_observation(specified(field_name="other"))
        assert first.status_history[0].reason == ""
        assert f"Observation {first.taskID} needs a dish of this one" in second.status_history[0].reason
        client.change_observation(second.id, telescopes="23", reason="two dishes")
        (edit,) = client.changes(taskID=second.taskID, action="edited")
        assert edit.reason.startswith("two dishes\nObservation ")

    def test_an_overlap_of_a_retry_is_a_warning_in_the_history(
        self, client: Client, observe: Callable[..., Observation]
    ) -> None:
        left = observe(Status.ERROR_TOO_LATE, starttime=TONIGHT.isoformat())
        other = client.create_observation(specified(field_name="other"))
        last = client.act(left.taskID, Action.RETRY, reason="as asked").status_history[-1]
        assert last.reason.startswith(f"as asked\nObservation {other.taskID} needs a dish of this one")

    def test_the_list_of_the_site_replaces_that_of_the_instrument(self, client: Client) -> None:
        client.create_observation(specified(options={"note": "dish A", "ndps": 2}))
        found = refused(
            lambda: client.create_observation(specified(field_name="x", options={"process_triggers": True}))
        )
        assert found.keys() == {"options.process_triggers"}

    def test_an_old_observation_can_be_specified(self, client: Client) -> None:
        assert client.create_observation(specified(datetime(2019, 4, 8, 6, tzinfo=UTC))).taskID == "190408001"
