"""Sizes as text."""

import pytest

from atdb_interface import quantities


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_940_000_000, "99.9 GB"),
        (99_960_000_000, "100 GB"),
        (999_700_000_000, "1.0 TB"),
        (4_600_000_000_000, "4.6 TB"),
        (2**63, "9223 PB"),
    ],
)
def test_a_size_is_short_and_in_its_largest_unit(size_bytes: int, text: str) -> None:
    assert quantities.size(size_bytes) == text
