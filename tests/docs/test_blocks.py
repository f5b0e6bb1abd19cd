"""Each code block of the documents runs, or says which test runs it or why none does."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import pytest
from flask import Flask

from atdb_api.database import transaction
from atdb_api.models import TaskDay
from atdb_interface.client import Client
from atdb_interface.data_hosts import local_path
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from standalone.settings import REPOSITORY
from tests import night_reports
from tests.advancing import CHECKSUM
from tests.conftest import SECRETS
from tests.docs.documents import DOCUMENTS, Block, blocks
from tests.interface.conftest import BIN, write_config

BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]
RUN = [block for block in BLOCKS if block.is_run]
HOW = re.compile(r"run|run from [a-z() ]+|run by (?P<path>\S+)( .+)?|illustration, because .+")
#: Far more than any example needs, for a busy machine.
TIMEOUT_SECONDS = 120
#: The observation of all examples.
TASK_ID, DAY = "190405034", date(2019, 4, 5)
#: The URLs of the examples.
URLS = ("https://atdb.example.org", "http://127.0.0.1:8000")
#: What an example can use without creating it.
PRELUDE = "from atdb_interface.client.presets import find_host\n\natdb = find_host().client()\n\n"


def test_there_are_blocks_of_each_kind() -> None:
    assert {block.language for block in RUN} == {"bash", "http", "python"}
    assert len(BLOCKS) > 50


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_each_block_says_how_it_is_tested(block: Block) -> None:
    assert block.language, "it is indented or names no language: put it into a fence with a language"
    how = HOW.fullmatch(block.how)
    assert how, f"{block.how!r}: write <!-- block: run | run by PATH | illustration, because ... --> before it"
    named = [*re.findall(r"\w[\w/]*/\w+\.py", block.how), *filter(None, [how["path"]])]
    assert [path for path in named if not (REPOSITORY / path).exists()] == []


@pytest.mark.parametrize("block", RUN, ids=lambda block: block.place)
def test_it_runs(
    block: Block, app: Flask, url: str, client: Client, observe: Callable[..., Observation], tmp_path: Path
) -> None:
    with app.app_context(), transaction() as session:
        session.add(TaskDay(day=DAY, last_number=int(TASK_ID[-3:]) - 1))
    made = observe(Status(block.status), products=2, starttime=f"{DAY}T21:03:02Z")
    assert (made.taskID, made.id) == (TASK_ID, 1)
    client.store_night_report(night_reports.empty(DAY))
    for product in client.dataproducts(taskID=TASK_ID):
        folder = local_path(data_root(tmp_path), product.data_location)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / product.filename).write_text("data", encoding="utf-8")
    text = block.text
    for each in URLS:
        text = text.replace(each, url)
    assert set(re.findall(r"https?://[^/\s'\"]+", text)) <= {url}, "an example must reach no other server"
    if block.language == "http":
        request(text, url)
        return
    command = {"bash": ["bash", "-euo", "pipefail", "-c", text], "python": [sys.executable, "-c", PRELUDE + text]}
    done = subprocess.run(
        command[block.language],
        cwd=working_folder(tmp_path),
        env=environment(tmp_path, url, client),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    validated = list(client.dataproducts(taskID=TASK_ID, my_status=ProductStatus.VALID))
    by_example = [product for product in validated if product.checksum != CHECKSUM]
    assert [product.filename for product in by_example if not (product.size and product.checksum)] == []
    if is_service(block):
        assert (client.observation(TASK_ID).my_status, len(validated)) == (Status.VALID, 2)


def test_the_service_has_at_most_20_lines_of_code() -> None:
    [service] = filter(is_service, RUN)
    assert len([line for line in service.text.splitlines() if line]) <= 20


def is_service(block: Block) -> bool:
    """Return whether it does the work of a stage: "A service in 20 lines"."""
    return "Status.CHECKING" in block.text


def request(text: str, url: str) -> None:
    """Send a request: its first line is the method and the path, and its body follows an empty line."""
    head, _, body = text.partition("\n\n")
    method, path = head.split()
    answer = httpx.request(
        method,
        url + path,
        content=body,
        headers={"Content-Type": "application/json"},
        auth=("operator", SECRETS["operator"]),
        timeout=TIMEOUT_SECONDS,
    )
    assert answer.is_success, answer.text


def data_root(folder: Path) -> Path:
    """Return the folder below which the data products are."""
    return folder / "data"


def working_folder(folder: Path) -> Path:
    """Return a folder with the files that examples name: a schedule, a data product and the secrets."""
    working = folder / "work"
    product = working / f"WSRTA{TASK_ID}_B000.MS"
    product.mkdir(parents=True)
    (product / "table.dat").write_text("data", encoding="utf-8")
    state = working / ".atdb"
    state.mkdir()
    secrets = {"atdb": {"operator": SECRETS["operator"]}}
    (state / "secrets.json").write_text(json.dumps(secrets), encoding="utf-8")
    shutil.copy(REPOSITORY / "standalone" / "example_schedule.sh", working / "schedule.sh")
    return working


def environment(folder: Path, url: str, client: Client) -> dict[str, str]:
    """Return the environment of a reader who has an account, a token, and the configuration of `make up`."""
    (folder / ".curlrc").write_text("fail\nsilent\nshow-error\n", encoding="utf-8")
    return {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(folder),
        "AIRFLOW_HOME": str(folder / "airflow"),
        "ATDB_DATA_ROOT": str(data_root(folder)),
        "ATDB_CONFIG": str(write_config(folder / "config.toml", url, "admin")),
        "ATDB_TOKEN": client.create_token("documents").secret,
        "PASSWORD": SECRETS["operator"],
    }
