"""Run walks in processes of their own, on one PostgreSQL."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.conftest import SHARED_POSTGRES, Postgres
from tests.property.walk import LostBytesError, Walk, quiet
from tests.property.world import running_world

_REPORT_SECONDS = 60


def run_walkers(seed: str, steps: int, walkers: int, logs: Path, ignored: Collection[str] = ()) -> bool:
    """Run walks at the same time, and return whether any has failed."""
    with tempfile.TemporaryDirectory(prefix="property-", ignore_cleanup_errors=True) as folder:
        base = Path(folder)
        base.chmod(0o755)
        with _postgres(base) as postgres:
            share, children = -(-steps // walkers), []
            for n in range(walkers):
                log = logs / f"{seed}-{n}.jsonl"
                children.append(
                    _fork(partial(_walk, postgres, base / f"walk{n}", f"{seed}/{n}", share, log, ignored))
                )
            return _any_failed(children)


@contextmanager
def _postgres(base: Path) -> Iterator[Postgres]:
    """Yield a server with the template of an ATDB: one that other runs use as well, or a new one."""
    if shared := os.environ.get(SHARED_POSTGRES):
        port, _, state = shared.partition(":")
        yield Postgres(Path(state), int(port))
        return
    state_folder = base / "postgres"
    state_folder.mkdir()
    server = Postgres(state_folder)
    server.start()
    try:
        server.prepare_template()
        yield server
    finally:
        server.stop()


def _any_failed(children: list[int]) -> bool:
    """Wait for the walkers, and return whether any has failed; then the others are stopped."""
    running = set(children)
    while running:
        child, status = os.wait()
        if child in running:
            running.remove(child)
            if status:
                for other in running:
                    os.kill(other, signal.SIGTERM)
                for other in running:
                    os.waitpid(other, 0)
                return True
    return False


def _fork(work: Callable[[], bool]) -> int:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            os._exit(0 if work() else 1)
        except SystemExit:
            os._exit(1)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", flush=True)
        finally:
            os._exit(1)
    return child


def _walk(postgres: Postgres, base: Path, seed: str, steps: int, log: Path, ignored: Collection[str]) -> bool:
    quiet()
    base.mkdir()
    begin = reported = time.monotonic()
    with running_world(postgres, base) as world:
        walk = Walk(world, seed, log, ignored)
        try:
            while walk.number < steps:
                walk.step()
                if time.monotonic() - reported > _REPORT_SECONDS:
                    reported = time.monotonic()
                    rate = walk.number / (reported - begin)
                    print(f"{seed}: {walk.number} steps, {rate:.1f} per second", flush=True)
        except LostBytesError as error:
            print(f"Walk {seed}, {error}", flush=True)
            return False
        rate, cpu = steps / (time.monotonic() - begin), sum(os.times()[:4])
        print(f"{seed}: {steps} steps, {rate:.1f} per second, {cpu:.0f} s of CPU: {dict(walk.counts)}", flush=True)
        print(f"{seed}: {walk.summary()}", flush=True)
        walk.close()
    return True
