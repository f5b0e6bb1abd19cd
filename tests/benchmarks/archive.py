"""`python -m tests.benchmarks.archive --before DIRECTORY`: what validate, ingest and remove cost in two versions.

The versions take turns. In each turn, a version processes one observation with many small products, and one with a
few large ones, with an ATDB, a database, disks and an archive of its own. Each version uses its own virtual
environment. The bytes are those that the process has read from files, wherever the system had them.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from standalone.settings import REPOSITORY

CASE = Path(__file__).with_name("archive_case.py")
#: The number of products of an observation, and the bytes of each.
Size = tuple[int, int]
STAGES = ("validate", "ingest", "remove")

Figures = dict[str, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.archive", description=__doc__)
    parser.add_argument("--before", type=Path, required=True, help="a checkout of the other version, with .venv")
    parser.add_argument("--small", type=int, default=480, help="the number of small products")
    parser.add_argument("--large", type=int, default=100, help="the MB of each of the large products")
    parser.add_argument("--turns", type=int, default=3, help="the number of turns of each version")
    options = parser.parse_args()
    versions = {"before": options.before.resolve(), "now": REPOSITORY}
    kinds = {"small": (options.small, 2_000), "large": (4, options.large * 1_000_000)}
    taken: dict[tuple[str, str], list[Figures]] = {}
    for turn in range(options.turns):
        for name in sorted(versions, reverse=bool(turn % 2)):
            for kind, figures in _measure(versions[name], kinds).items():
                if kind in kinds:
                    taken.setdefault((name, kind), []).append(figures)
                    print(f"{name}, {kind}: {_in_words(figures)}", flush=True)
    print("\n| products | stage | bytes read per byte | requests per product | seconds | ratio of seconds |")
    print("|---|---|---|---|---|---|")
    for kind, size in kinds.items():
        for stage in STAGES:
            print(f"| {_row(size, stage, taken['before', kind], taken['now', kind])} |")


def _measure(checkout: Path, kinds: dict[str, Size]) -> dict[str, Figures]:
    with tempfile.TemporaryDirectory(prefix="bench-archive-") as folder:
        case, output = Path(folder, CASE.name), Path(folder, "figures.json")
        case.write_text(CASE.read_text())  # elsewhere, because pytest loads the fixtures beside a file
        python = str(checkout / ".venv/bin/python")
        plugins = ["-p", "tests.conftest", "-p", "tests.operators.conftest"]
        quiet = ["-q", "-p", "no:logging", "-p", "no:cacheprovider", "-c", str(checkout / "pyproject.toml")]
        done = subprocess.run(
            [python, "-m", "pytest", *quiet, *plugins, f"--basetemp={folder}/data", "--timeout=3600", str(case)],
            cwd=checkout,
            env={
                **os.environ,
                "PYTHONPATH": str(checkout),
                "BENCH_KINDS": json.dumps(kinds),
                "BENCH_OUTPUT": str(output),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if not output.exists():
            raise RuntimeError(f"{checkout} has measured nothing: {done.stdout[-3000:]}{done.stderr[-1000:]}")
        figures: dict[str, Figures] = json.loads(output.read_text())
        return figures


def _in_words(figures: Figures) -> str:
    return ", ".join(f"{stage} {figures[stage]['seconds']:.1f} s" for stage in STAGES)


def _row(size: Size, stage: str, before: list[Figures], now: list[Figures]) -> str:
    products, n_bytes = size

    def both(of: Any, digits: int = 2) -> str:
        return " → ".join(f"{statistics.median(map(of, version)):.{digits}f}" for version in (before, now))

    ratios = [after[stage]["seconds"] / first[stage]["seconds"] for first, after in zip(before, now, strict=True)]
    cells = [
        f"{products} of {n_bytes:,} bytes",
        stage,
        both(lambda figures: figures[stage]["bytes_read"] / figures["data"]["bytes"]),
        both(lambda figures: figures[stage]["requests"] / figures["data"]["products"]),
        both(lambda figures: figures[stage]["seconds"], 1),
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
    ]
    return " | ".join(cells)


if __name__ == "__main__":
    main()
