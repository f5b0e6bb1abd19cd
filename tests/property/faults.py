"""Faults that lose data or let ATDB state what is not true, put back into the code one at a time.

    python -m tests.property.faults [--steps N] [--seed N] [NAME ...]

Each is made in a copy of the checkout. Then a walk begins there, and the judge should find what went wrong. The
table that is printed says which rule was broken, after how many steps.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.property.home import airflow_home
from tools.mutation.checkout import copy_files

_REMOVAL_CHECK = "operators/data/removal_check.py"
_REMOVAL = "operators/data/removal.py"


#: What the table shows if the judge has found nothing.
_NONE = "none"


@dataclass(frozen=True)
class Fault:
    """A fault: for each file, pairs of a text that it has once and of its replacement.

    `ignored`: rules of the judge that do not count, because they would notice the fault before bytes are lost.
    """

    name: str
    edits: tuple[tuple[str, str, str], ...]
    ignored: tuple[str, ...] = ()

    def make(self, checkout: Path) -> None:
        for file, old, new in self.edits:
            path = checkout / file
            text = path.read_text(encoding="utf-8")
            if text.count(old) != 1:
                raise ValueError(f"{self.name}: {file} has {text.count(old)} times instead of once: {old}")
            path.write_text(text.replace(old, new), encoding="utf-8")


_COMPARED = (_REMOVAL_CHECK, "identity_of(entries) != product.identity:", "False:")
_READ = (_REMOVAL_CHECK, "        if not reading.has_checksum(product.checksum):", "        if False:")
_CONFIRMED = (
    _REMOVAL_CHECK,
    "if identity_of(entries, top_ctime_ns=changed) == identity_of(list(deletable.entries)):",
    "if True:",
)
_SAME = (_REMOVAL, "is_same = self._check.is_same(product, folder, entry, deletable)", "is_same = True")
_DISK = ("operators/data/data_disks.py", "if product.disk not in (None, now):", "if False:")
_TOMBSTONE = (
    _REMOVAL_CHECK,
    "    if begun is not None:\n        return Deletable(path, disk, begun",
    "    if True:\n        return Deletable(path, disk, begun",
)
_NESTED = (
    "atdb_api/services/dataproducts.py",
    "    data_places.require_free(session, [data_path(row.data_location, row.filename) for row in rows])\n",
    "",
)
_NESTED_AT_REMOVAL = (
    _REMOVAL_CHECK,
    "if others.is_relative_to(path) or path.is_relative_to(others):",
    "if False:",
)
_ASIDE = (
    _REMOVAL,
    "aside = entry if is_aside else rename_aside(folder, product.filename)",
    "aside = entry",
)
_FILE_COMPARED = (
    "operators/data/deletion.py",
    "        if self._files is None:\n            return",
    "        return",
)
_VERIFIED = (
    _REMOVAL_CHECK,
    "            self._folder.verify(\n",
    "            _ = (lambda *_, **__: None)(\n",
)

FAULTS = (
    Fault("no fault", ()),  # the walk itself must find nothing
    Fault("identity not compared before deletion", (_COMPARED,)),
    Fault("content not compared before deletion", (_READ,)),
    Fault("neither compared again after the rename, nor while it is deleted", (_CONFIRMED, _SAME, _FILE_COMPARED)),
    Fault("not compared again after the rename", (_CONFIRMED, _SAME)),
    Fault("files not compared while they are deleted", (_FILE_COMPARED,)),
    Fault("disk identity ignored", (_DISK,)),
    Fault("tombstone ignored: absent data count as deleted", (_TOMBSTONE,)),
    Fault("disk identity and tombstone ignored", (_DISK, _TOMBSTONE)),
    Fault("archive copy not verified before deletion", (_VERIFIED,)),
    Fault(
        "a copy in the archive is accepted unread",
        (
            (
                "atdb_plugins/archive/folder.py",
                "return content_of(copy.read(advance), name, checksum) if copy.can_have(size) else None",
                "return copy.read(advance) if copy.can_have(size) else None",
            ),
        ),
    ),
    Fault(
        "statements not required of observations",
        (
            (
                "atdb_api/services/transitions.py",
                "    statements.require_support(session, observation, target)\n",
                "",
            ),
        ),
    ),
    Fault(
        "statements not required of products",
        (
            (
                "atdb_api/services/dataproducts.py",
                "        statements.require_supported(session, observation, product, target)\n",
                "",
            ),
        ),
    ),
    Fault("nested places not refused", (_NESTED,)),
    Fault("nested places neither refused nor checked at the removal", (_NESTED, _NESTED_AT_REMOVAL), ("place",)),
    Fault(
        "lease not required for facts about bytes",
        (
            (
                "atdb_api/services/byte_facts.py",
                "    if not facts:\n        return",
                "    return",
            ),
        ),
    ),
    Fault("the rename aside is skipped", (_ASIDE,)),
    Fault(
        "removal reported before the deletion",
        (
            (
                "operators/stages/remove.py",
                "                    reason = removal.delete(product)\n",
                "                    reason = ''\n"
                "                    reports.add(product, reason)\n"
                "                    reports.report()\n"
                "                    removal.delete(product)\n",
            ),
        ),
    ),
    Fault(
        "links followed",
        (
            ("atdb_interface/product_files.py", "_LOOK = os.O_PATH | os.O_NOFOLLOW | ", "_LOOK = os.O_PATH | "),
            (
                "atdb_interface/product_files.py",
                "_FILE = os.O_RDONLY | os.O_NOFOLLOW | ",
                "_FILE = os.O_RDONLY | ",
            ),
        ),
    ),
    Fault(
        "collections not checked",
        (("atdb_interface/archive_locations.py", "    if not is_plain(collection):", "    if False:"),),
    ),
    Fault(
        "deletion switch ignored",
        (("operators/data/removal.py", "    if not state.allowed:", "    if False:"),),
    ),
    Fault(
        "the archive's older copy is deleted before the new one has its name",
        (
            (
                "atdb_plugins/archive/publication.py",
                "    has_older = _take_name(part, final, replaced)\n",
                "    delete(filesystem, final)\n    has_older = _take_name(part, final, replaced)\n",
            ),
        ),
    ),
)


def main() -> int:
    """Put the faults into a copy one after the other, and print for each what the judge has found.

    Return the exit status: 1 if the walk without a fault has found something, or has not ended.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.property.faults", description=__doc__)
    parser.add_argument("names", nargs="*", help="the beginnings of names; default: all faults")
    parser.add_argument("--steps", type=int, default=2000, help="the highest number of steps of each walk")
    parser.add_argument("--seed", default="1", help="the seed of all walks")
    parser.add_argument("--walkers", type=int, default=2, help="the number of walks at the same time")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if not options.names or fault.name.startswith(tuple(options.names))]
    with airflow_home():
        import tests.property.running  # noqa: F401 - what this imports stays loaded in the child of each fault
        from tools.mutation.server import shared_postgres

        is_sound = True
        print("| fault | broken rule | after steps | seconds |\n|---|---|---|---|", flush=True)
        with shared_postgres():
            for fault in chosen:
                begin = time.monotonic()
                rule, steps = _found(fault, options)
                print(f"| {fault.name} | {rule} | {steps} | {time.monotonic() - begin:.0f} |", flush=True)
                is_sound = is_sound and (bool(fault.edits) or rule == _NONE)
    return 0 if is_sound else 1


def _found(fault: Fault, options: argparse.Namespace) -> tuple[str, str]:
    """Return which rule was broken first, and after how many steps."""
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        checkout, output = Path(folder, "checkout"), Path(folder, "output")
        copy_files(Path.cwd(), checkout)
        fault.make(checkout)
        child = os.fork()
        if child == 0:
            try:
                _walk_in(checkout, output, fault, options)
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        printed = output.read_text(encoding="utf-8", errors="replace")
        kept = Path(".atdb-property", re.sub(r"\W+", "-", fault.name))
        shutil.copytree(output.parent, kept, ignore=shutil.ignore_patterns("checkout"), dirs_exist_ok=True)
    if found := re.search(r", step (\d+):\n(.*)", printed):
        return found[2], found[1]
    return (_NONE if "Passed" in printed else f"no result: {printed[-300:]}"), str(options.steps)


def _walk_in(checkout: Path, output: Path, fault: Fault, options: argparse.Namespace) -> None:
    """Walk with the code of a checkout. All packages of other projects stay loaded, which saves much time."""
    for descriptor in (1, 2):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    packages = {path.name for path in checkout.iterdir() if path.is_dir()}
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]
    os.chdir(checkout)
    sys.path.insert(0, str(checkout))
    from tests.property.running import run_walkers

    if not Path(sys.modules["tests.property.running"].__file__ or "").is_relative_to(checkout):
        raise ImportError("the walk does not use the code with the fault")
    if not run_walkers(
        options.seed, options.steps * options.walkers, options.walkers, output.parent, fault.ignored
    ):
        print("Passed", flush=True)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
