"""`python -m tests.benchmarks.listen --before DIRECTORY`: how soon work begins, compared with another version.

The versions run one after the other, because even an idle stack takes much of two cores: half of the samples of
this one, those of the other, and the rest of this one. A sample is one observation, alone on the stack: from the
status set in ATDB until the stage holds the lease (specify: until `scheduled`). Then each version gets 289
specifications at once.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from standalone.rehearsal.run import own_settings
from standalone.settings import DEFAULT_STATE, HOST, REPOSITORY, Settings
from tests.specifications import COORDINATES, RULES

#: The status in which an observation waits for a stage, and the status that the stage gives it.
STAGES = (
    ("specify", "defined", "scheduled"),
    ("observe", "scheduled", "starting"),
    ("validate", "completing", "checking"),
    ("ingest", "valid", "ingesting"),
    ("remove", "archived", "removing"),
)
#: An observation is submitted this long before its start; until then, nothing happens to it.
START_SECONDS = 8
#: The time between observations.
TURN_SECONDS = 17.0
AT_ONCE = 289
_PATIENCE_SECONDS = 300
#: The time after a start in which the stack is busy with itself.
_SETTLE_SECONDS = 20


@dataclass
class Version:
    """One version of ATDB, running from a checkout with a virtual environment of its own."""

    name: str
    checkout: Path
    settings: Settings
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.settings.state.mkdir(parents=True, exist_ok=True)
        with (self.settings.state / "up.log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(self.checkout / ".venv/bin/python"), "-m", "standalone", "up"],
                cwd=self.checkout,
                env={**os.environ, **self.settings.as_environment(), **RULES},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while b"Passwords" not in (self.settings.state / "up.log").read_bytes():
            assert self.process.poll() is None, (self.settings.state / "up.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.5)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)

    @property
    def secrets(self) -> dict[str, dict[str, str]]:
        secrets: dict[str, dict[str, str]] = json.loads(self.settings.credentials.read_text())
        return secrets

    def client(self) -> Client:
        return Client(self.settings.atdb_url, user="operator", secret=self.secrets["atdb"]["operator"])

    def seconds(self, sql: str, *parameters: object) -> list[float]:
        """Read the history from the database, because times in the REST API have whole seconds."""
        with (
            closing(
                psycopg2.connect(
                    host=HOST,
                    port=self.settings.postgres_port,
                    user="postgres",
                    password=self.secrets["postgresql"]["postgres"],
                    dbname="atdb",
                )
            ) as opened,
            opened.cursor() as cursor,
        ):
            cursor.execute(sql, parameters)
            return [float(value) for (value,) in cursor.fetchall()]

    def waits(self, names: str) -> dict[str, list[float]]:
        """Return the seconds that each observation waited for each stage. `names`: a pattern of field names."""
        return {stage: self.seconds(_WAITS, waits_in, begins, names) for stage, waits_in, begins in STAGES}

    def at_once_seconds(self) -> float:
        """Return the seconds from the first of `submit_at_once` until all of them are scheduled."""
        return self.seconds(_ALL_AT_ONCE, "ATONCE%")[0]


_WAITS = """
    select extract(epoch from begun.at - set_.at) from transitions set_
    join transitions begun using (task_id)
    where set_.status = %s and begun.status = %s and set_.dataproduct is null and begun.dataproduct is null
    and task_id in (select task_id from observations where field_name like %s) order by set_.id"""
_ALL_AT_ONCE = """
    select extract(epoch from
        max(at) filter (where status = 'scheduled') - min(at) filter (where status = 'defined'))
    from transitions where task_id in (select task_id from observations where field_name like %s)"""


def submit(atdb: Client, name: str, after_seconds: float, **fields: object) -> str:
    """Submit an observation that starts after some seconds, and return its taskID."""
    start = datetime.now(UTC) + timedelta(seconds=after_seconds)
    specification = {
        "field_name": name,
        "observing_mode": "arts_sc1_timing",
        **COORDINATES,
        "starttime": start.isoformat(),
        "duration": 1,
        "data_location": "arts001:/data/01/Timing",
    }
    return atdb.create_observation(specification | fields).taskID


def submit_at_once(atdb: Client) -> None:
    """Submit many specifications for the next days, one after the other."""
    for number in range(AT_ONCE):
        submit(atdb, f"ATONCE_{number}", 86400 + 60 * number)


def _take(version: Version, turns: range) -> dict[str, list[float]]:
    """Start the version, process one observation after the other, and stop the version.

    Returns the seconds that each observation waited for each stage, since the version's first start.
    """
    version.start()
    try:
        began = time.monotonic() + _SETTLE_SECONDS
        with version.client() as atdb:
            for turn in turns:
                time.sleep(max(0.0, began + (turn - turns.start) * TURN_SECONDS - time.monotonic()))
                submit(atdb, f"TURN_{turn}", START_SECONDS)
        await_status(version, Status.REMOVED, turns.stop)
        samples = version.waits("TURN%")
        medians = ", ".join(f"{stage} {statistics.median(each):.2f}" for stage, each in samples.items())
        print(f"{version.name}, medians of {turns.stop} samples, s: {medians}", flush=True)
        return samples
    finally:
        version.stop()


def await_status(version: Version, status: Status, number: int, **filters: str) -> None:
    """Wait until a number of the observations that match have a status."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with version.client() as atdb:
        while atdb.count_observations(my_status=status, **filters) < number:
            assert time.monotonic() < deadline, f"{version.name}: not all became {status} in time"
            time.sleep(0.5)


def _all_at_once(version: Version) -> float:
    """Start the version, submit many specifications, and return the seconds until all are scheduled."""
    version.start()
    try:
        time.sleep(_SETTLE_SECONDS)
        with version.client() as atdb:
            submit_at_once(atdb)
        await_status(version, Status.SCHEDULED, AT_ONCE)
        return version.at_once_seconds()
    finally:
        version.stop()


def _print(now: Mapping[str, Sequence[float]], before: Mapping[str, Sequence[float]]) -> None:
    print(f"{'status set -> lease held, s':<28}{'now median / max':>26}{'before median / max':>26}")
    for stage in now:
        columns = "".join(
            f"{statistics.median(each):>17.2f} / {max(each):6.2f}" for each in (now[stage], before[stage])
        )
        ratio = statistics.median(now[stage]) / statistics.median(before[stage])
        print(
            f"{stage:<28}{columns}   x{ratio:.2f} ({len(now[stage])} and {len(before[stage])} samples)", flush=True
        )


def main() -> None:
    """Measure both versions, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.listen", description=__doc__)
    parser.add_argument(
        "--before", type=Path, required=True, help="a checkout of the other version, with its .venv"
    )
    parser.add_argument("--samples", type=int, default=40, help="of this version; the other one gets half")
    chosen = parser.parse_args()
    state = DEFAULT_STATE / "bench-listen"
    shutil.rmtree(state, ignore_errors=True)
    now = Version("now", REPOSITORY, replace(own_settings(state / "now"), telescope_speedup=1.0))
    before = Version(
        "before", chosen.before.resolve(), replace(own_settings(state / "before"), telescope_speedup=1.0)
    )
    half, samples = chosen.samples // 2, chosen.samples
    _take(now, range(half))
    of_before = _take(before, range(half))
    _print(_take(now, range(half, samples)), of_before)
    seconds = {version.name: _all_at_once(version) for version in (now, before)}
    print(
        f"{AT_ONCE} specifications at once until all are scheduled: now {seconds['now']:.1f} s, "
        f"before {seconds['before']:.1f} s   x{seconds['now'] / seconds['before']:.2f}"
    )


if __name__ == "__main__":
    main()
