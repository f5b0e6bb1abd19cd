"""Run one rehearsal, from an empty stack to the verdict."""

import json
import logging
import os
import random
import shutil
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from atdb_interface.cli.schedule import read_schedule
from atdb_interface.errors import AtdbError
from standalone.credentials import Credentials
from standalone.rehearsal import outcome, script
from standalone.rehearsal.archive_plan import ArchiveFaults
from standalone.rehearsal.checker import judge
from standalone.rehearsal.data_checker import judge_data
from standalone.rehearsal.director import Director
from standalone.rehearsal.evidence import Evidence, Scene
from standalone.rehearsal.faults import RehearsedFault
from standalone.rehearsal.findings import Finding
from standalone.rehearsal.kills import NotWell
from standalone.rehearsal.script import Script
from standalone.settings import DEFAULT_STATE, HOST, Settings
from standalone.stack import processes
from standalone.stack.stack import Stack

STATE = DEFAULT_STATE / "rehearsal"
OBSERVATIONS = 100
PRODUCT_BYTES = 1 << 16
#: After the last fault, all observations must end within this time. The slowest one retries at intervals of up to
#: two minutes, loses its lease meanwhile, and then still has all stages before it.
PATIENCE_SECONDS = 600.0
_MOST_SHOWN = 50


def rehearse(observations: int, seed: int | None, schedule: Path | None) -> int:
    """Run a rehearsal on a stack of its own; the exit status is 1 if anything was wrong."""
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    written = (
        script.write(observations, seed)
        if schedule is None
        else script.write_replay(read_schedule(schedule), seed)
    )
    settings = own_settings(STATE)
    return play(settings, written, PATIENCE_SECONDS)


def own_settings(state: Path) -> Settings:
    """Return settings that conflict with no other stack: their own state folder, and ports that are free now."""
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < 4:
            probe, port = held.enter_context(socket.socket()), random.randrange(10_000, 32_000)  # noqa: S311
            with suppress(OSError):
                probe.bind((HOST, port))
                ports.append(port)
    atdb, airflow, telescope, postgres = ports
    return Settings(
        state=state,
        atdb_port=atdb,
        airflow_port=airflow,
        telescope_port=telescope,
        postgres_port=postgres,
        telescope_speedup=script.SPEEDUP,
        product_bytes=PRODUCT_BYTES,
    )


def play(settings: Settings, written: Script, patience_seconds: float) -> int:
    """Run a script on a new stack, check the result, and return the exit status."""
    _clear(settings)
    print(
        f"Rehearsing {len(written.observations)} observations with SEED={written.seed} in {settings.state} ...",
        flush=True,
    )
    _log_to(settings.state / "rehearsal.log")
    plan = settings.state / "archive-faults.json"
    stack = Stack(settings)
    began = time.monotonic()
    with faulty_archive(settings, plan):
        stack.start()
    try:
        faults = ArchiveFaults(plan)
        evidence = Evidence(scene(settings))
        director = Director(
            settings,
            written,
            faults,
            evidence.scene.database,
            say=lambda line: print(f"{line}\n", end="", flush=True),
        )
        stack_problem = ""
        try:
            director.play(patience_seconds)
        except (NotWell, AtdbError) as error:
            stack_problem = f"The stack did not recover: {error}"
        findings = judge(evidence, director.expected(), director.users.pauses)
        findings += judge_data(evidence, director.users.switched_off)
        outcome.read_journals(director.record, settings.telescope_state, faults)
        outcome.complete(director.record, evidence)
    finally:
        stack.stop()
    scripted = scripted_faults(written)
    print(outcome.table(director.record, findings, scripted))
    for name, answers in director.hostile_answers().items():
        counted = ", ".join(f"{number} times {code}" for code, number in sorted(answers.items()))
        print(f"{name} received {counted}.")
    missing = outcome.missing(director.record, scripted)
    return _verdict(
        findings,
        [kind for kind in scripted if missing[kind]],
        stack_problem,
        written.seed,
        time.monotonic() - began,
    )


def scene(settings: Settings) -> Scene:
    """Return where the checker finds the evidence."""
    password = Credentials.read(settings.credentials).postgresql["atdb"]
    return Scene(
        database=f"host={HOST} port={settings.postgres_port} user=atdb password={password} dbname=atdb",
        data=settings.data,
        archive=settings.archive,
        telescope=settings.telescope_state,
        record=settings.state,
    )


def scripted_faults(written: Script) -> Counter[RehearsedFault]:
    """Count the faults of a script."""
    own = [each.fault for each in written.observations if each.fault]
    hostile = [RehearsedFault.HOSTILE] if written.hostile_roles else []
    return Counter([*own, *(each.fault for each in written.faults), *hostile])


def _clear(settings: Settings) -> None:
    """Delete the state of the previous rehearsal, which was kept for inspection, and end its processes."""
    processes.end(settings)
    shutil.rmtree(settings.state, ignore_errors=True)
    settings.state.mkdir(parents=True)


@contextmanager
def faulty_archive(settings: Settings, plan: Path) -> Iterator[None]:
    """Configure the stack that is started in the context: an archive with the faults of a plan.

    The simulator observes many fields at the same time, so that a rehearsal does not last a night. On a slow
    machine, some observations are too late, as on the telescope.
    """
    archive = {"url": f"faulty://{settings.archive}", "storage_options": {"plan": str(plan)}}
    connection = json.dumps({"conn_type": "generic", "extra": archive})
    given = {"AIRFLOW_CONN_ARCHIVE_DEFAULT": connection, "ATDB_OVERLAPS": "warn", "ATDB_PAST_STARTS": "accept"}
    before = {name: os.environ[name] for name in given if name in os.environ}
    os.environ.update(given)
    try:
        yield
    finally:
        for name in given:
            del os.environ[name]
        os.environ.update(before)


def _log_to(path: Path) -> None:
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    logger = logging.getLogger("standalone.rehearsal")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [handler]


def _verdict(
    findings: Sequence[Finding], missing: Sequence[RehearsedFault], stack_problem: str, seed: int, seconds: float
) -> int:
    for finding in findings[:_MOST_SHOWN]:
        print(f"{finding.wrong}: {finding.task_id}: {finding.sentence}")
    if len(findings) > _MOST_SHOWN:
        print(f"... and {len(findings) - _MOST_SHOWN} more")
    for kind in missing:
        print(f"scripted, but without effect: {kind}")
    if stack_problem:
        print(stack_problem)
    well = not findings and not missing and not stack_problem
    print(f"The rehearsal {'passed' if well else 'failed'} after {seconds:.0f} s with SEED={seed}.")
    return 0 if well else 1
