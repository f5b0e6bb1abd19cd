"""The share of the faults that tests find, and the faults that none has found, with the reason of each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkItem, WorkResult

from tools.mutation.reasons import REASONS, known, lines_of

#: The share of the faults that change behaviour which the tests of each module must find.
LEAST_PERCENT = 90


@dataclass(frozen=True)
class Survivor:
    """A fault that no test has found: its line, the code before and after, and the reason, if one is known."""

    line: int
    before: str
    after: str
    reason: str
    is_harmless: bool


@dataclass(frozen=True)
class Result:
    """The faults of a module. `harmless`: survivors that change no behaviour."""

    module: str
    faults: int
    tried: int
    survivors: list[Survivor]

    @property
    def harmless(self) -> int:
        """Return the number of survivors that change no behaviour."""
        return sum(survivor.is_harmless for survivor in self.survivors)

    @property
    def percent(self) -> float:
        """Return the share found of the faults that were tried and change behaviour."""
        counted = self.tried - self.harmless
        return 100.0 * (self.tried - len(self.survivors)) / counted if counted else 100.0


def results(paths: Iterable[tuple[str, Path]], reasons: Path = REASONS) -> Iterator[Result]:
    """Yield the result of each module that has a session."""
    for module, path in paths:
        if path.exists():
            with use_db(path, WorkDB.Mode.open) as database:
                done = database.completed_work_items
                survivors = sorted(_survivors(module, done, reasons), key=lambda survivor: survivor.line)
                yield Result(module, database.num_work_items, len(done), survivors)


def table(module_results: list[Result]) -> str:
    """Format the results as a table and a list of survivors, in Markdown."""
    rows = [
        "| module | faults | tried | found | survived | harmless survivors | found without the harmless |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in module_results:
        caught = result.tried - len(result.survivors)
        rows.append(
            f"| {result.module} | {result.faults} | {result.tried} | {caught} | {len(result.survivors)} "
            f"| {result.harmless} | {result.percent:.0f} % |"
        )
    for result in module_results:
        if result.survivors:
            rows += ["", f"Survivors in {result.module}:", ""]
        for survivor in result.survivors:
            rows.append(f"- line {survivor.line}: {survivor.reason or 'NO REASON YET'}")
            rows.append(f"    - before: `{survivor.before}`")
            rows.append(f"    - after:  `{survivor.after}`")
    return "\n".join(rows)


def _survivors(module: str, done: Iterable[tuple[WorkItem, WorkResult]], reasons: Path) -> Iterator[Survivor]:
    for item, result in done:
        if not result.is_killed:
            before, after = lines_of(result.diff or "")
            reason = known(module, result.diff or "", reasons)
            yield Survivor(item.mutations[0].start_pos[0], before, after, reason.text, reason.is_harmless)
