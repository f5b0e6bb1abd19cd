"""A short walk, what the judge of walks finds, and the faults that `make property-faults` makes."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from standalone.rehearsal import hands
from tests.conftest import Postgres
from tests.property.faults import FAULTS, Fault
from tests.property.interrupts import in_child
from tests.property.judge import Judge
from tests.property.world import Task, World, running_world

#: `make property` makes many more.
STEPS = 250


@pytest.fixture
def world(postgres: Postgres, tmp_path: Path) -> Iterator[World]:
    environment = dict(os.environ)
    with running_world(postgres, tmp_path / "world") as running:
        yield running
    os.environ.clear()
    os.environ.update(environment)


@pytest.mark.timeout(1200)
def test_no_byte_is_lost_in_a_random_walk(world: World, tmp_path: Path) -> None:
    def walk() -> None:
        from tests.property.walk import Walk, quiet

        quiet()
        walking = Walk(world, "a seed of the tests", tmp_path / "steps.jsonl")
        try:
            for _ in range(STEPS):
                walking.step()
        except BaseException as error:
            (tmp_path / "error").write_text(f"{type(error).__name__}: {error}")
            raise

    # In a process of its own, because what interrupts the stages stays in a process until it ends.
    status = in_child(walk)
    error = tmp_path / "error"
    assert status == 0, error.read_text() if error.exists() else status
    assert len((tmp_path / "steps.jsonl").read_text().splitlines()) == STEPS


@pytest.fixture
def judge(world: World) -> Iterator[Judge]:
    judging = Judge(world.database, world.scene)
    yield judging
    judging.close()


@pytest.fixture
def valid(world: World, judge: Judge) -> Task:
    """An observation with one valid product on the disk, which the judge has seen."""
    task = world.specify("imaging", [{"filename": "0.fits"}], folder=None, born=0)
    judge.begin(task.task_id)
    judge.begin_step()
    path = place(world, task)
    hands.write(path, {"": b"observed"})
    judge.excuse()
    from operators.attempts import Attempt
    from operators.stages.validate import ValidateProductsOperator

    ValidateProductsOperator(task_id="validate").carry_out(task.task_id, "validate/run 1", Attempt())
    assert judge.judge() == []
    return task


def place(world: World, task: Task) -> Path:
    ((name, location),) = task.products.items()
    return world.path(name, location)


def rules(judge: Judge) -> set[str]:
    return {finding.rule for finding in judge.judge()}


def test_the_judge_finds_a_deletion_without_a_copy(world: World, judge: Judge, valid: Task) -> None:
    place(world, valid).unlink()
    assert rules(judge) == {"bytes"}


def test_the_judge_excuses_a_deletion_by_hand(world: World, judge: Judge, valid: Task) -> None:
    place(world, valid).unlink()
    judge.excuse()
    assert rules(judge) == set()


def test_the_judge_finds_the_data_on_a_disk_that_is_not_mounted(world: World, judge: Judge, valid: Task) -> None:
    disk = world.scene.mounted("wcudata1")
    (world.scene.data_root / "wcudata1").rename(world.scene.parking / "main")
    disk.path, disk.is_mounted = world.scene.parking / "main", False
    (world.scene.data_root / "wcudata1").mkdir()
    judge.excuse()
    assert rules(judge) == set()


def test_the_judge_finds_a_false_statement_and_a_false_receipt(world: World, judge: Judge, valid: Task) -> None:
    import psycopg2

    with psycopg2.connect(world.database) as opened, opened.cursor() as cursor:
        cursor.execute("UPDATE dataproducts SET status = 'archived' WHERE task_id = %s", [valid.task_id])
    assert rules(judge) == {"statement"}
    judge.excuse()
    with psycopg2.connect(world.database) as opened, opened.cursor() as cursor:
        cursor.execute("UPDATE dataproducts SET status = 'removed' WHERE task_id = %s", [valid.task_id])
        cursor.execute(
            "INSERT INTO receipts (task_id, dataproduct, data_location, checksum, actor, forced, reason)"
            " SELECT task_id, filename, data_location, checksum, 'x', false, '' FROM dataproducts"
        )
    judge.begin_step()
    assert rules(judge) == {"receipt", "statement"}


@pytest.mark.parametrize("module", ["judge", "contents", "scene"])
def test_the_judge_uses_none_of_the_code_that_it_judges(module: str) -> None:
    text = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, "module", None) or node.names[0].name for node in imports}
    judged = ("airflow", "atdb_api", "atdb_interface", "atdb_plugins", "operators", "standalone")
    assert not [name for name in names if name.startswith(judged)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_can_be_put_back(fault: Fault) -> None:
    for file, old, new in fault.edits:
        assert Path(file).read_text(encoding="utf-8").count(old) == 1
        assert old != new
