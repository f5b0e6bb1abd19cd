"""One measurement of `tests.benchmarks.archive`, which pytest runs in a checkout with the fixtures of that one."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.client import sync_connection
from operators.stages.ingest import IngestProductsOperator
from operators.stages.remove import RemoveProductsOperator
from operators.stages.validate import ValidateProductsOperator
from tests.operators.observations import products_of

STAGES = (
    ("validate", ValidateProductsOperator),
    ("ingest", IngestProductsOperator),
    ("remove", RemoveProductsOperator),
)


def test_the_stages(
    client: Any, written: Callable[..., Any], context: Callable[..., Any], archive_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    requests: list[str] = []
    ask = sync_connection.Connection.ask

    def counting(self: Any, method: str, path: str, **content: Any) -> Any:
        requests.append(path)
        return ask(self, method, path, **content)

    monkeypatch.setattr(sync_connection.Connection, "ask", counting)
    taken = {}
    # The first observation loads what the stages import.
    for kind, (number, n_bytes) in {"first": (2, 1000), **json.loads(os.environ["BENCH_KINDS"])}.items():
        made = written(products=number, n_bytes=n_bytes)
        figures = {}
        for stage, operator in STAGES:
            requests.clear()
            read, begin = _bytes_read(), time.perf_counter()
            operator(task_id=stage).execute(context(made.taskID, stage))
            figures[stage] = {
                "seconds": time.perf_counter() - begin,
                "bytes_read": _bytes_read() - read,
                "requests": len(requests),
            }
        products = products_of(client, made)
        assert [str(product.my_status) for product in products] == ["removed"] * number
        figures["data"] = {"bytes": sum(product.size or 0 for product in products), "products": number}
        taken[kind] = figures
    Path(os.environ["BENCH_OUTPUT"]).write_text(json.dumps(taken))


def _bytes_read() -> int:
    """Return how many bytes this process has read from files, also from the cache of the system."""
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["rchar"])
