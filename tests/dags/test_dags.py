"""The DAG files, parsed by the real Airflow."""

import json
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, PartitionedAtRuntime
from airflow.sdk.exceptions import ParamValidationError

from atdb_interface.actions import Action
from atdb_interface.lifecycle import STAGES, Stage
from atdb_plugins.stage_dags import DAG_OF, LISTEN_DAG, TAG
from standalone.settings import REPOSITORY
from standalone.stack.pools import DEFAULT_SLOTS, SLOTS

FOLDER = Path(__file__).parents[2] / "dags"
IMPORT_AND_REPORT_CONNECTIONS = """
import json, sys
connections = []
sys.addaudithook(lambda event, args: event.startswith("socket.") and connections.append(f"{event} {args[1:]}"))
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
kinds = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname")
connections = [each for each in connections if each.split()[0] in kinds]
print(json.dumps({"dags": sorted(bag.dags), "errors": bag.import_errors, "connections": connections}))
"""


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    bag = DagBag(FOLDER)
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_every_dag_file_is_one_dag_of_its_name(dags: dict[str, DAG]) -> None:
    assert set(dags) == {path.stem for path in FOLDER.glob("*.py")}
    others = {"listen", "maintenance", "night_report", "operate", "reconcile"}
    assert set(dags) == {str(stage.actor) for stage in STAGES} | others


def test_reading_the_dag_files_sends_no_request(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_REPORT_CONNECTIONS, FOLDER],
        env={"AIRFLOW_HOME": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    output = json.loads(done.stdout.splitlines()[-1])
    assert len(output["dags"]) == len(STAGES) + 5
    assert (output["errors"], output["connections"]) == ({}, [])


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: str(stage.actor))
def test_a_stage_runs_for_the_partition_that_listen_gives_it(dags: dict[str, DAG], stage: Stage) -> None:
    assert isinstance(dags[stage.actor].timetable, PartitionedAtRuntime)
    assert DAG_OF[stage.source] == stage.actor
    assert TAG in dags[stage.actor].tags


def test_listen_is_found_by_its_own_name_and_tag(dags: dict[str, DAG]) -> None:
    assert TAG in dags[LISTEN_DAG].tags
    assert [task.task_id for task in dags[LISTEN_DAG].tasks] == ["listen"]


def test_every_dag_says_what_it_does_and_catches_nothing_up(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        assert (dag.doc_md or "").startswith(f"# {dag.dag_id}\n")
        assert not dag.catchup
        assert not dag.is_paused_upon_creation


def test_the_documentation_of_a_stage_lists_its_moves(dags: dict[str, DAG]) -> None:
    moves = "\n\n- `completing` → `checking`\n- `checking` → `valid`, `completed`, `incomplete`"
    assert moves in (dags["validate"].doc_md or "")
    assert "`ingesting`" not in (dags["validate"].doc_md or "")


def test_observe_starts_then_runs_then_completes(dags: dict[str, DAG]) -> None:
    tasks = {task.task_id: task.downstream_task_ids for task in dags["observe"].tasks}
    assert tasks == {"start": {"run"}, "run": {"complete"}, "complete": set()}


def test_what_waits_waits_in_the_triggerer(dags: dict[str, DAG]) -> None:
    waits = {task.task_id: task.start_from_trigger for task in (*dags["observe"].tasks, *dags["listen"].tasks)}
    assert waits == {"start": False, "run": True, "complete": True, "listen": True}  # start acts at once if it can


def test_operate_offers_every_action_and_wants_a_reason(dags: dict[str, DAG]) -> None:
    params = dags["operate"].params
    assert params.get_param("action").schema["enum"] == [*map(str, Action), "priority"]
    good = {"taskIDs": "190405034, 190405035", "action": "hold", "priority": 7, "reason": "thunderstorm"}
    wrong = {"taskIDs": " ", "action": "delete", "priority": 1001, "reason": " "}
    for name, value in good.items():
        assert params.get_param(name).resolve(value) == value
        with pytest.raises(ParamValidationError):
            params.get_param(name).resolve(wrong[name])


def test_every_pool_that_a_task_names_is_made_by_the_stack(dags: dict[str, DAG]) -> None:
    named = {task.pool for dag in dags.values() for task in dag.tasks}
    assert named <= {"default_pool", *SLOTS}


def test_the_telescope_never_waits_for_other_work(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            is_of_telescope = dag.dag_id == "observe"
            assert (task.pool == "telescope") is is_of_telescope
            assert (task.queue == "telescope") is is_of_telescope
    configuration = ConfigParser()
    configuration.read(REPOSITORY / "standalone" / "airflow.cfg")
    assert configuration.getint("core", "default_pool_task_slot_count") == DEFAULT_SLOTS
    assert configuration.getint("core", "parallelism") > sum(SLOTS.values()) + DEFAULT_SLOTS


def test_reconcile_never_waits_for_the_other_work_of_its_pool(dags: dict[str, DAG]) -> None:
    most = {
        name: dag.max_active_runs * len(tasks)
        for name, dag in dags.items()
        if (tasks := [task for task in dag.tasks if task.pool == "default_pool" and not task.start_from_trigger])
    }
    assert most == {"operate": 2, "night_report": 2, "reconcile": 4}
    assert sum(most.values()) <= DEFAULT_SLOTS


def test_maintenance_takes_one_slot_and_comes_after_all_other_work(dags: dict[str, DAG]) -> None:
    others = [task for dag in dags.values() for task in dag.tasks if dag.dag_id != "maintenance"]
    for task in dags["maintenance"].tasks:
        assert task.pool == "maintenance"
        assert task.weight_rule == "absolute"
        assert task.priority_weight < min(each.priority_weight for each in others)
        assert not task.upstream_task_ids  # a failed one does not stop the others
    assert SLOTS["maintenance"] == 1
    assert dags["maintenance"].start_date is None  # otherwise, its first run would begin with the stack


def test_the_night_is_reported_after_the_report_hour_and_any_night_by_hand(dags: dict[str, DAG]) -> None:
    dag = dags["night_report"]
    schedule: object = dag.schedule  # Airflow does not declare that this can be a text
    assert schedule == "5 8 * * *"
    night = dag.params.get_param("night")
    assert night.resolve(None) is None
    assert night.resolve("2026-05-03") == "2026-05-03"
    with pytest.raises(ParamValidationError):
        night.resolve("yesterday")
    assert [task.retries for task in dag.tasks] == [6]


def test_the_report_hour_is_a_setting(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "from airflow.dag_processing.dagbag import DagBag; import sys; "
            "print(DagBag(sys.argv[1]).dags['night_report'].schedule)",
            FOLDER / "night_report.py",
        ],
        env={"AIRFLOW_HOME": str(tmp_path), "HOME": str(tmp_path), "ATDB_REPORT_HOUR": "21"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "5 21 * * *"
