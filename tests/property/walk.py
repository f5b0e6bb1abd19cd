"""A random walk: steps that are drawn from a seed, each of them judged."""

import json
import logging
import random
import shutil
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psycopg2
from airflow.sdk.exceptions import AirflowException

from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import Actor
from atdb_interface.status_kinds import STAGE_OF
from operators.attempts import Attempt
from operators.stages.base import StageOperator
from operators.stages.ingest import IngestProductsOperator
from operators.stages.remove import RemoveProductsOperator
from operators.stages.validate import ValidateProductsOperator
from standalone.rehearsal import hands
from standalone.rehearsal.hands import Hands
from standalone.rehearsal.random_requests import OF_WALKS, Accounts, Target
from tests.conftest import SECRETS
from tests.property import interrupts
from tests.property.judge import Finding, Judge
from tests.property.persons import Mounts
from tests.property.world import Task, World

_OPERATORS: dict[Actor, type[StageOperator]] = {
    Actor.VALIDATE: ValidateProductsOperator,
    Actor.INGEST: IngestProductsOperator,
    Actor.REMOVE: RemoveProductsOperator,
}
_STAGE_OF = {str(status): stage.actor for status, stage in STAGE_OF.items() if stage.actor in _OPERATORS}
#: The actions with which an operator continues after an error.
_REMEDIES = {
    "completed": ["ingest"],
    "incomplete": ["retry", "ingest"],
    "ingest error": ["retry", "check", "ingest"],
    "remove error": ["retry", "check", "check", "ingest"],
    "on hold": ["resume"],
    "archived": ["check", "ingest"],
}
_Result = TypeVar("_Result")
_MOST_TASKS = 5
_OLDEST = 150


class LostBytesError(AssertionError):
    """The judge has found what must not happen."""

    def __init__(self, step: int, findings: list[Finding], last_steps: list[str]) -> None:
        steps = "\n".join(f"  {each}" for each in last_steps)
        super().__init__(f"step {step}:\n" + "\n".join(map(str, findings)) + f"\nThe steps before:\n{steps}")
        self.step, self.findings = step, findings


@dataclass
class _Draw:
    weight: float
    step: Callable[[], str]


class Walk:
    """Random steps in a world. The same seed draws the same steps.

    `log`: receives a line for each step. `ignored`: rules of the judge that do not count.
    """

    def __init__(self, world: World, seed: str, log: Path, ignored: Collection[str] = ()) -> None:
        self._world, self._chance = world, random.Random(seed)
        self._judge = Judge(world.database, world.scene)
        self._hands = Hands(self._chance, world.scene.outside)
        self._mounts = Mounts(self._chance, world.scene)
        self._accounts = Accounts(world.url, SECRETS, self._chance, OF_WALKS)
        self._interrupt = interrupts.Interrupt(str(world.scene.base))
        self._stages = {actor: operator(task_id=str(actor)) for actor, operator in _OPERATORS.items()}
        self._events = dict.fromkeys(_OPERATORS, 60)
        self._database = psycopg2.connect(world.database)
        self._database.autocommit = True
        self._tasks: list[Task] = []
        self._log, self._last = log.open("w", encoding="utf-8"), deque[str](maxlen=400)
        self._findings: list[Finding] = []
        self._ignored = ignored
        self.number, self.counts = 0, Counter[str]()
        self._draws = {
            "stage": _Draw(46, self._stage),
            "specify": _Draw(10, self._specify),
            "hands": _Draw(11, self._act_by_hand),
            "restore": _Draw(6, self._restore),
            "mounts": _Draw(5, self._mount),
            "operator": _Draw(9, self._remedy),
            "request": _Draw(14, self._request),
            "deletion": _Draw(2, self._switch_deletion),
            "archive": _Draw(3, self._spoil_archive),
            "time": _Draw(4, self._let_time_pass),
            "admin": _Draw(0.3, self._force_removal),
        }

    def close(self) -> None:
        self._judge.close()
        self._accounts.close()
        self._database.close()
        self._log.close()

    def summary(self) -> str:
        """Return what ATDB has done during the walk, in one line."""
        counts = []
        with self._database.cursor() as cursor:
            for table in ("observations", "dataproducts", "transitions", "receipts"):
                cursor.execute(f"SELECT count(*) FROM {table}")
                counts += [f"{number} {table}" for (number,) in cursor]
        return f"{', '.join(counts)}; answers {dict(sorted(self._accounts.answers.items()))}"

    def step(self) -> None:
        """Draw one step and do it. Raises LostBytesError if the judge finds that something went wrong in it."""
        self.number += 1
        (name,) = self._chance.choices(list(self._draws), [each.weight for each in self._draws.values()])
        if len(self._tasks) < 2:
            name = "specify"
        elif not self._mounts.is_all_mounted() and self._chance.random() < 0.06:
            name = "mounts"
        self._judge.begin_step()
        self._mark(name, self._draws[name].step())
        self.counts[name] += 1
        self._findings += self._judge.judge()
        self._findings = [each for each in self._findings if each.rule not in self._ignored]
        if self._findings:
            about = {finding.task_id for finding in self._findings}
            relevant = [line for line in self._last if any(each in line for each in about) or "mount" in line]
            raise LostBytesError(self.number, self._findings, relevant[-40:])

    def _mark(self, name: str, result: str) -> None:
        self._last.append(f"{self.number} {name}: {result}")
        self._log.write(json.dumps([self.number, name, result]) + "\n")
        self._log.flush()

    # --- what persons do -------------------------------------------------------------------------------------

    def _by_hand(self, act: Callable[[], _Result]) -> _Result:
        """Do what a person does, between two looks of the judge."""
        self._findings += self._judge.judge()
        try:
            return act()
        finally:
            self._judge.excuse()

    def _any_product(self, task: Task | None = None) -> tuple[Task, str]:
        task = task or self._chance.choice(self._tasks)
        return task, self._chance.choice(sorted(task.products))

    def _act_by_hand(self, task: Task | None = None) -> str:
        task, name = self._any_product(task)
        path = self._world.path(name, task.products[name])
        return f"{name}: {self._by_hand(lambda: self._hands.act(path))}"

    def _restore(self) -> str:
        task, name = self._any_product()
        path = self._world.path(name, task.products[name], aside=False)
        self._by_hand(lambda: hands.write(path, task.kept[name]))
        return f"{name}: restored"

    def _mount(self) -> str:
        if not self._world.scene.is_archive_mounted or self._chance.random() < 0.15:
            return self._by_hand(self._mounts.act_on_archive)
        return self._by_hand(self._mounts.act)

    def _spoil_archive(self) -> str:
        task, name = self._any_product()
        copies = sorted(self._world.scene.archive.glob(f"*/{task.task_id}/{name}"))
        if not copies:
            return f"{name}: no copy to spoil"
        return f"{name}: its copy in the archive: {self._by_hand(lambda: self._hands.act(copies[0]))}"

    # --- what the pipeline does ------------------------------------------------------------------------------

    def _specify(self) -> str:
        if len(self._tasks) >= _MOST_TASKS and not self._retire():
            return "enough observations"
        chance = self._chance
        products: list[dict[str, Any]] = [
            {"filename": f"{number}.{chance.choice(['MS', 'fits'])}"} for number in range(chance.randint(1, 3))
        ]
        if chance.random() < 0.15:
            products[0]["size"] = chance.choice([1, 100, 28800])
        folder = chance.choice([None, None, f"/data/{self.number}/deep"])
        mode = chance.choice(["imaging", "arts_sc1"])
        task = self._world.specify(mode, products, folder=folder, born=self.number)
        self._tasks.append(task)
        self._judge.begin(task.task_id)
        self._by_hand(lambda: self._write(task))
        return f"{task.task_id}: {sorted(task.products)}"

    def _write(self, task: Task) -> str:
        for name, location in task.products.items():
            task.kept[name] = hands.random_bytes(self._chance, name)
            if self._chance.random() < 0.97:
                hands.write(self._world.path(name, location, aside=False), task.kept[name])
        return ""

    def _retire(self) -> bool:
        """Stop with the oldest observation, whose files are deleted, if it has ended or is very old."""
        for task in self._tasks:
            age = self.number - task.born
            if age > _OLDEST or (age > 25 and self._status(task) in {"removed", "aborted"}):
                self._tasks.remove(task)
                self._judge.forget(task.task_id)
                # A request may have made one of these files a product of another observation.
                self._by_hand(partial(self._delete_files, task))
                return True
        return False

    def _delete_files(self, task: Task) -> str:
        for name, location in task.products.items():
            host, _, folder = location.partition(":")
            for disk in self._world.scene.disks_of(host):
                place = disk.path / folder.lstrip("/")
                for path in [place / name, *place.glob(f".{name}.*")]:
                    hands.delete(path)
        for path in self._world.scene.archive.glob(f"*/{task.task_id}"):
            shutil.rmtree(path)
        return task.task_id

    def _status(self, task: Task) -> str:
        return str(self._row(task)["my_status"])

    def _row(self, task: Task) -> dict[str, Any]:
        rows = self._world.client.rows("observations", taskID=task.task_id, fields=("my_status", "id"))
        return next(rows, {"my_status": "deleted"})

    def _stage(self) -> str:
        chance = self._chance
        task = chance.choice(self._tasks)
        actor = _STAGE_OF.get(self._status(task))
        if actor is None and chance.random() < 0.8:
            return f"{task.task_id}: {self._remedied(task)}"
        if actor is None or chance.random() < 0.03:
            actor = chance.choice(list(_OPERATORS))
        how = chance.choices(["runs", "is killed", "fails", "is disturbed"], [50, 16, 8, 26])[0]
        number = chance.randint(1, self._events[actor] + 2)
        attempt = Attempt(most=chance.choice([1, 1, 2]))
        owner = f"{actor}/run {task.run}"

        def work() -> None:
            self._stages[actor].carry_out(task.task_id, owner, attempt)

        words = f"{task.task_id}: {actor} {how}"
        if how == "is killed":

            def until_killed() -> None:
                with interrupts.Interrupt(str(self._world.scene.base)).at(number, interrupts.kill):
                    work()

            status = interrupts.in_child(until_killed)
            return f"{words} at event {number}: {status}"
        done: list[str] = []
        then: Callable[[], None] | None = None
        if how == "fails":
            then = interrupts.fail
        elif how == "is disturbed":
            then = lambda: done.append(self._disturb(task))  # noqa: E731 - it is one of three
        try:
            with self._interrupt.at(number, then):
                work()
            result = "ended"
        except Exception as error:  # the stage reports it, and the judge decides whether it is right
            result = f"{type(error).__name__}: {error}"
        if how == "runs":
            self._events[actor] = max(20, self._interrupt.count)
        return f"{words} at event {number} of {self._interrupt.count} {done}: {result}"

    def _disturb(self, task: Task) -> str:
        """Do something while a stage works on an observation."""
        draws: list[tuple[float, Callable[[], str]]] = [
            (6, lambda: self._act_by_hand(task)),
            (1, self._mount),
            (1, lambda: self._request(task)),
            (1, self._switch_deletion),
            (1, lambda: self._another_run(task)),
        ]
        (draw,) = self._chance.choices(draws, [weight for weight, _ in draws])
        return draw[1]()

    def _another_run(self, task: Task) -> str:
        """End the lease, and run the stage as another run that takes over the work."""
        self._let_leases_expire(task)
        task.run += 1
        actor = _STAGE_OF.get(self._status(task), Actor.VALIDATE)
        try:
            self._stages[actor].carry_out(task.task_id, f"{actor}/run {task.run}", Attempt())
        except (AirflowException, AtdbError, OSError) as error:
            return f"another run of {actor}: {type(error).__name__}"
        except Exception as error:
            return f"another run of {actor}: {error}"
        return f"another run of {actor} ended"

    # --- what accounts request -------------------------------------------------------------------------------

    def _target(self, task: Task) -> Target:
        other, name = self._any_product()
        products = list(
            self._world.client.rows(
                "dataproducts",
                taskID=task.task_id,
                fields=("id", "filename", "size", "checksum", "my_status", "data_location"),
            )
        )
        task.products |= {
            each["filename"]: each["data_location"] for each in products if each["filename"] in task.products
        }
        actor = _STAGE_OF.get(self._status(task), Actor.VALIDATE)
        place = f"{other.products[name]}/{name}"
        return Target(task.task_id, task.id, products, other.task_id, place, f"{actor}/run {task.run}")

    def _request(self, task: Task | None = None) -> str:
        task = task or self._chance.choice(self._tasks)
        words, answer = self._accounts.ask(self._target(task))
        if answer.status_code >= 500:
            self._findings.append(Finding("answer", task.task_id, words))
        if answer.status_code == 201:
            for row in answer.json():
                self._adopt(task, row)
        return f"{task.task_id}: {words}"

    def _adopt(self, task: Task, row: dict[str, Any]) -> None:
        """Write the data of a product that a request has created."""
        name = row["filename"]
        if row["data_location"].partition(":")[0] in {disk.host for disk in self._world.scene.disks}:
            task.products[name] = row["data_location"]
            task.kept[name] = hands.random_bytes(self._chance, name)
            path = self._world.path(name, row["data_location"], aside=False)
            if not any(above.is_file() or above.is_symlink() for above in path.parents):
                self._by_hand(lambda: hands.write(path, task.kept[name]))

    def _remedy(self) -> str:
        task = self._chance.choice(self._tasks)
        return f"{task.task_id}: {self._remedied(task)}"

    def _remedied(self, task: Task) -> str:
        """Do what an operator does to continue with an observation."""
        status = self._status(task)
        if status not in _REMEDIES:
            return f"no remedy for {status}"
        if self._chance.random() < 0.3:
            self._by_hand(self._mounts.restore)
        action = self._chance.choice(_REMEDIES[status])
        answer = self._accounts.act(self._target(task), action)
        return f"{action} from {status} > {answer.status_code}"

    def _switch_deletion(self) -> str:
        allowed = self._chance.random() < 0.75
        answer = self._accounts.send("operator", "PATCH", "deletion/", {"allowed": allowed, "reason": "a walk"})
        return f"deletion allowed: {allowed} > {answer.status_code}"

    def _force_removal(self) -> str:
        task, name = self._any_product()
        for product in self._target(task).products:
            if product["filename"] == name and product["my_status"] in {"invalid", "defined"}:
                try:
                    self._world.admin.force_removal(product["id"], "a walk")
                except AtdbError as error:
                    return f"{name}: {error}"
                return f"{name}: its removal is forced"
        return f"{name}: not forced"

    def _let_time_pass(self) -> str:
        task = self._chance.choice(self._tasks)
        self._let_leases_expire(task)
        task.run += self._chance.choice([0, 1])
        return f"{task.task_id}: its lease and claim have expired; the next run is {task.run}"

    def _let_leases_expire(self, task: Task) -> None:
        with self._database.cursor() as cursor:
            cursor.execute(
                "UPDATE leases SET expires_at = now() - interval '1 s' WHERE observation_id = %s", [task.id]
            )


def quiet() -> None:
    """Hide the logs of the stages, which report every fault of a walk."""
    logging.disable(logging.CRITICAL)
