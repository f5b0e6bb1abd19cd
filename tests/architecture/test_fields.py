"""A new field of a specification must be added to the page of a task."""

from atdb_api.gui.tasks.task import FIELDS
from atdb_interface.observations import NewObservation

#: The fields in the header of the page.
AT_THE_HEAD = {"name", "observing_mode", "starttime", "endtime"}


def test_the_page_of_a_task_shows_all_fields() -> None:
    shown = {name for _, names in FIELDS for name in names.split()}
    assert set(NewObservation.model_fields) - shown == AT_THE_HEAD
