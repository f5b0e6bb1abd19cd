"""Lists in queries: every text comes back, and no list has two meanings."""

import random

import pytest

from atdb_interface import query_lists
from atdb_interface.client.exchange import parameters

ALPHABET = ",\\a é"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["M31", "M33"], "M31,M33"),
        (["M31, north", "M33"], r"M31\, north,M33"),
        (["a\\b"], r"a\\b"),
        (["a\\", "b"], r"a\\,b"),
        (["", ""], ","),
        ([""], ""),
        ([1, 2], "1,2"),
    ],
)
def test_a_list_is_written_and_read(values: list[object], text: str) -> None:
    assert query_lists.write(values) == text
    assert query_lists.read(text) == [str(value) for value in values]


def test_random_lists_come_back() -> None:
    dice = random.Random(20190408)
    for _ in range(5000):
        values = ["".join(dice.choices(ALPHABET, k=dice.randint(0, 6))) for _ in range(dice.randint(1, 4))]
        assert query_lists.read(query_lists.write(values)) == values
        cut = dice.randint(0, len(values))
        parts = [("a__in", query_lists.write(part)) for part in (values[:cut], values[cut:]) if part]
        assert query_lists.merged(parts) == [("a__in", query_lists.write(values))]


@pytest.mark.parametrize("text", ["a\\b", "a\\", "a,\\", "\\a,b", "\\\\\\"])
def test_a_backslash_before_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="backslash"):
        query_lists.read(text)


def test_the_parts_of_a_split_list_are_one_list() -> None:
    pairs = [("a__in", "1"), ("b", "x"), ("a__in", "2,3"), ("b", "y"), ("c__in__exclude", "4")]
    assert query_lists.merged(pairs) == [("a__in", "1,2,3"), ("b", "x"), ("b", "y"), ("c__in__exclude", "4")]
    with pytest.raises(ValueError, match="b is given twice"):
        query_lists.by_name(pairs)
    assert query_lists.by_name(pairs[:3]) == {"a__in": "1,2,3", "b": "x"}


def test_an_unfinished_escape_does_not_swallow_the_next_part() -> None:
    assert query_lists.merged([("a__in", "x\\"), ("a__in", "y")]) == [("a__in", "x\\"), ("a__in", "y")]
    assert query_lists.merged([("a__in", "x\\\\"), ("a__in", "y")]) == [("a__in", "x\\\\,y")]


def test_the_client_escapes_lists_and_leaves_texts() -> None:
    assert parameters({"name__in": ["a,b", "c"], "name": "a,b", "fields": ["id", "name"], "id__in": "1,2"}) == {
        "name__in": r"a\,b,c",
        "name": "a,b",
        "fields": "id,name",
        "id__in": "1,2",
    }
    for name in ("my_status", "my_status__contains", "my_status__in__range", "page"):
        with pytest.raises(ValueError, match="takes one value"):
            parameters({name: ["valid", "removed"]})
