"""Damage a complete product, as a fault says."""

import os
import time
from pathlib import Path
from threading import Thread

from standalone.simulator.data_writer import clear
from standalone.simulator.faults import Fault, Rule

_GROWS_EVERY_SECONDS = 0.02


def damage(path: Path, rule: Rule) -> None:
    """Damage a complete product as its rule says; raises ValueError for a fault of another kind."""
    match rule.fault:
        case Fault.MISSING:
            clear(path)
        case Fault.EMPTY:
            for file in [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]:
                os.truncate(file, 0)
        case Fault.OTHER_KIND:
            _replace_by_other_kind(path)
        case Fault.BROKEN_LINK:
            clear(path)
            path.symlink_to(path.with_name("nowhere"))
        case Fault.GROWING:
            _let_grow(path, rule.seconds)
        case _:
            raise ValueError(f"{rule.fault} is not a fault of a product")


def _replace_by_other_kind(path: Path) -> None:
    was_file = path.is_file()
    clear(path)
    if was_file:
        path.mkdir()
        path /= "data"
    path.write_bytes(b"not what it should be")


def _let_grow(path: Path, seconds: float) -> None:
    """Remove the second half of the product's largest file, and append it again little by little."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    largest = max(files, key=lambda file: file.stat().st_size)
    content = largest.read_bytes()
    half = len(content) // 2
    os.truncate(largest, half)
    Thread(target=_append, args=(largest, content[half:], seconds), daemon=True).start()


def _append(file: Path, content: bytes, seconds: float) -> None:
    begin, written = time.monotonic(), 0
    with file.open("ab", buffering=0) as growing:
        while written < len(content):
            time.sleep(_GROWS_EVERY_SECONDS)
            passed = min(1.0, (time.monotonic() - begin) / seconds) if seconds else 1.0
            target = int(len(content) * passed)
            growing.write(content[written:target])
            written = target
