"""The parset has the values of the specification, and can be read back."""

from collections.abc import Callable

import pytest

from atdb_interface.fields import write_time
from atdb_interface.instruments.apertif.parset import make_parset, read_parset
from atdb_interface.observations import Observation

Observe = Callable[..., Observation]


def test_a_parset_has_the_values_of_the_specification(observe: Observe) -> None:
    made = observe(
        field_name="a=b # c",
        field_ra=24.422081,
        field_dec=-33.159759,
        field_beam=0,
        beamPattern="square_39p1",
        central_frequency=1370,
        telescopes="23456789ABCD",
        data_location="wcudata1:/data/apertif",
        options={"ndps": "2"},
    )
    entries = read_parset(make_parset(made, ["one.fits", "two.fits"]))
    assert entries["task.taskID"] == made.taskID
    assert entries["task.startTime"] == write_time(made.starttime)
    assert entries["task.endTime"] == write_time(made.endtime)
    assert entries["task.fieldName"] == "a=b # c"
    assert (float(entries["task.fieldRa"]), float(entries["task.fieldDec"])) == (24.422081, -33.159759)
    assert entries["task.fieldBeam"] == "0"
    assert entries["dataWriter.dataLocation"] == "wcudata1:/data/apertif"
    assert entries["dataWriter.products"].split(",") == ["one.fits", "two.fits"]


def test_what_was_not_specified_is_not_in_the_parset(observe: Observe) -> None:
    entries = read_parset(make_parset(observe(), []))
    assert "task.fieldHa" not in entries
    assert "None" not in entries.values()


def test_comments_and_empty_lines_of_a_parset_are_passed_over() -> None:
    assert read_parset("# a comment\n\n a = 1 \nb=\n") == {"a": "1", "b": ""}


@pytest.mark.parametrize("text", ["a=1\nno value\n", "a=1\n=2\n", "a=1\na=2\n"])
def test_a_line_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        read_parset(text)
