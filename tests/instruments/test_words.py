"""`make check` finds words of the instrument outside its package."""

from pathlib import Path

import pytest

from standalone.settings import REPOSITORY
from tools import instrument_words


def test_words_of_the_instrument_are_only_in_its_own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert instrument_words.main() == 0


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.py", 'HOST = "wcudata2"\n', ["wcudata"]),
        ("a.py", "if mode is Mode.ARTS_SC4:\n    pass\n", ["ARTS_SC4"]),
        ("a.py", 'name = f"WSRTA{task_id}_B{beam:03d}.MS"\n', ["WSRTA", ".MS"]),
        ("a.py", "def completes(*, imaging):\n    pass\n", ["imaging"]),
        ("a.py", '"""Such as imaging."""\n\nparts = "starts"  # of ARTS\n', []),
        ("a.py", "class ImagingMode:\n    pass\n", ["Imaging"]),
        ("a.py", "IMAGING_LIMIT = imaging_pointing\n", ["IMAGING", "imaging"]),
        ("a.py", 'kind = "timeSeries"\n', ["timeSeries"]),
        ("a.py", "WHERE = \"dataproduct_type = 'visibility'\"\n", ["visibility"]),
        ("a.py", 'text = "the visibility of the Moon"\n', []),
        ("a.html", "<p>imaging</p>", ["imaging"]),
        ("a.css", ".dialog { visibility: hidden }", []),
        ("a.js", 'if (row.type === "visibility")', ["visibility"]),
        ("a.sql", "-- imaging\ncomment on column o is 'Such as imaging';\nwhere mode = 'imaging'", ["imaging"]),
    ],
)
def test_modes_file_names_and_hosts_are_found_but_not_in_documentation(
    name: str, text: str, expected: list[str]
) -> None:
    assert [word for _, word in instrument_words.words(Path(name), text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("opened(name, buffering=0)", []),
        ("BUFFERING = rebuffer = 1", []),
        ("buffer = buffer_raw", ["buffer", "buffer"]),
        ("class BufferMode: pass", ["Buffer"]),
        ("BUFFER_LIMIT = 'buffer2'", ["BUFFER", "buffer"]),
    ],
)
def test_a_name_is_found_in_identifiers_but_not_in_longer_words(text: str, expected: list[str]) -> None:
    word = instrument_words.pattern(["buffer"], [".raw"], ["voltage"])
    assert sorted(found for _, found in instrument_words.words(Path("a.py"), text, word)) == sorted(expected)
