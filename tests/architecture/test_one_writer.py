"""`make check` finds each module besides the writer of history that sets a status or creates a transition."""

import pytest

from standalone.settings import REPOSITORY
from tools import one_writer

IMPORTS = """
import atdb_api.models
import atdb_api.models.history as steps
from atdb_api import models
from atdb_api.models import history, Observation as Row, Transition as Step
from atdb_interface import models as wire
"""


def test_one_module_writes_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert one_writer.main() == 0
    assert len(list(one_writer.writes(one_writer.WRITER.read_text("utf-8")))) > 3


@pytest.mark.parametrize(
    "line",
    [
        "Step(task_id='190405034')",
        "models.Transition(task_id='190405034')",
        "history.Transition(task_id='190405034')",
        "steps.Transition(task_id='190405034')",
        "atdb_api.models.Transition(task_id='190405034')",
        "insert(Step)",
        "row.status = Status.VALID",
        "before, row.status = row.status, Status.VALID",
        "Row(status=Status.VALID)",
        "update(Row).values(status=Status.VALID)",
        "update(Row).values({'status': Status.VALID})",
        "update(Row).values({Row.status: Status.VALID})",
        "setattr(row, 'status', Status.VALID)",
        "session.execute(text('update observations set status = :status'))",
        "text(f'INSERT INTO public.transitions select {columns}')",
        'text("delete from only dataproducts")',
    ],
)
def test_another_writer_is_found(line: str) -> None:
    assert list(one_writer.writes(IMPORTS + line)) == [IMPORTS.count("\n") + 1]


@pytest.mark.parametrize(
    "line",
    [
        "select(Step).where(Step.status == Status.VALID)",
        "wire.Transition(id=1)",
        "text('select * from observations')",
        "row.name = row.status",
    ],
)
def test_what_only_reads_is_no_writer(line: str) -> None:
    assert list(one_writer.writes(IMPORTS + line)) == []
