"""Hostile accounts: all the time, they send requests with which data would be lost if ATDB accepted them.

`hostile.jsonl` has a line for each account, for each change that ATDB accepted, and for each internal error. The
judge finds in ATDB's tables whether anything has changed that matters.
"""

import itertools
import logging
import random
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import httpx

from atdb_interface.roles import Role
from standalone.credentials import Credentials
from standalone.rehearsal.random_requests import ACTIONS, COLLECTIONS, Accounts, Target
from standalone.settings import Settings
from standalone.simulator.journal import Journal
from standalone.stack import programs

log = logging.getLogger(__name__)

HOSTILE = "hostile.jsonl"
#: The roles of hostile accounts. The holder of a stage's lease is believed, so the pipeline is not hostile.
ROLES = (Role.VIEWER, Role.ASTRONOMER, Role.TELESCOPE)
_CLAIMS = ("valid", "completed", "archived", "removed")
#: The products of such an observation have no place on a disk, or will have none soon.
_PLACE_IS_FREE = ("defined", "archived", "removing", "removed", "remove error", "aborted")
_PAUSE_SECONDS = 1.0
#: A hostile account creates this many observations, whose data would be inside those of others.
_MOST_CREATED = 2
_INTERNAL_ERROR = 500
_REASON = {"reason": "hostile"}
_PRODUCT_FIELDS = "id,filename,size,checksum,my_status,data_location"
_STRANGE_NAMES = ("a/b", "../x", "x\u2028y", "a,b", ".", "x\n", "é" * 120, ".atdb-disk", "manifest.json")


def roles() -> list[str]:
    """Return the roles of the hostile accounts of a rehearsal."""
    return [str(role) for role in ROLES]


def create_account(settings: Settings, credentials: Credentials, role: str) -> tuple[str, str]:
    """Create an account with a role in the running stack; return its name and its password."""
    name, password = f"hostile {role}".replace(" ", "-"), secrets.token_urlsafe(24)
    own = programs.atdb_environment(settings, credentials)
    subprocess.run(
        [sys.executable, "-m", "flask", "--app", "atdb_api", "account", "set", name, "--role", role],
        env=programs.command_environment(settings, "admin", own),
        input=password,
        text=True,
        check=True,
        capture_output=True,
    )
    return name, password


class HostileAccounts:
    """Send requests of all accounts in turn, until `over` is set. `accounts`: the role and password by name."""

    def __init__(self, url: str, accounts: dict[str, tuple[str, str]], folder: Path, seed: int) -> None:
        self._journal = Journal(folder / HOSTILE)
        self._chance = random.Random(seed)  # noqa: S311 (a rehearsal must be repeatable)
        self._accounts = []
        for name, (role, password) in accounts.items():
            self._journal.note("account", name=name, role=role)
            self._accounts.append(HostileRequests(url, name, password, self._chance))

    def send(self, over: Event) -> None:
        """Send one request after the other. While ATDB does not respond, they are lost."""
        turns = itertools.cycle(self._accounts)
        while not over.wait(_PAUSE_SECONDS):
            account = next(turns)
            try:
                self._send_one(account)
            except httpx.HTTPError as error:
                log.info("%s: ATDB does not respond: %s", account.name, error)
        for account in self._accounts:
            account.close()

    def answers(self) -> dict[str, Counter[int]]:
        """Return how often each account has received each status code."""
        return {account.name: account.answers for account in self._accounts}

    def were_answered(self) -> bool:
        """Return whether ATDB has answered any of the requests."""
        return any(self.answers().values())

    def _send_one(self, account: "HostileRequests") -> None:
        target = account.target()
        if target is None:
            return
        words, answer = account.ask(target)
        if answer.request.method != "GET" and answer.is_success:
            self._journal.note("accepted", account=account.name, taskID=target.task_id, request=words)
        elif answer.status_code == _INTERNAL_ERROR:
            self._journal.note("internal error", account=account.name, taskID=target.task_id, request=words)


class HostileRequests(Accounts):
    """The requests of one account: none of them may change anything that matters."""

    def __init__(self, url: str, name: str, password: str, chance: random.Random) -> None:
        super().__init__(url, {name: password}, chance, {name: 1})
        self.name = name
        self._status, self._created = "", 0

    def target(self) -> Target | None:
        """Read what to attack: an observation, the place of another one, and the owner of a lease."""
        rows = self._read("observations/", fields="id,taskID,my_status", ordering="-id", page_size="60")
        if not rows:
            return None
        observation = self._chance.choice(rows)
        others = [row for row in rows if row["my_status"] not in _PLACE_IS_FREE and row != observation]
        if not others:
            return None
        other = self._chance.choice(others)
        products = self._read("dataproducts/", taskID=observation["taskID"], fields=_PRODUCT_FIELDS)
        taken = self._read("dataproducts/", taskID=other["taskID"], fields=_PRODUCT_FIELDS)
        if not taken:
            return None
        leases = self._read("leases/", taskID=observation["taskID"])
        self._status = observation["my_status"]
        chosen = self._chance.choice(taken)
        place = f"{chosen['data_location']}/{chosen['filename']}"
        owner = leases[0]["owner"] if leases else "remove/scheduled__of_nothing"
        return Target(observation["taskID"], observation["id"], products, other["taskID"], place, owner)

    def drawn(self, force: dict[str, Any], target: Target) -> tuple[str, str, Any]:
        """Draw a request, or one with which an account would do what only operators may."""
        if self._chance.random() < 0.3:
            return self._of_operators(target, force)
        return super().drawn(force, target)

    def _forced(self, account: str) -> dict[str, Any]:  # noqa: ARG002
        return {"force": True, **_REASON} if self._chance.random() < 0.5 else dict(_REASON)

    def _edit(self, target: Target) -> tuple[str, str, Any]:
        fields: dict[str, Any] = {
            "irods_collection": self._chance.choice(COLLECTIONS).format(other=target.other),
            "data_location": self._chance.choice([target.place, f"{target.place}/sub", "arts001:/../../x"]),
            "observing_mode": "arts_sc1_/../../../../x",
            "field_name": self._chance.choice(["field", "a\u2028b"]),
        }
        name = self._chance.choice(sorted(fields))
        return "PATCH", f"observations/{target.observation_id}/", {name: fields[name]}

    def _move(self, target: Target, force: dict[str, Any]) -> tuple[str, str, Any]:
        """State by its status that the data of an observation are safe, with the owner of its lease or without."""
        status = self._chance.choice(_CLAIMS)
        body = {"taskID": target.task_id, "name": status, "expect": [self._status], **force}
        return "POST", "status/", body | self._chance.choice([{}, {"owner": target.owner, "lease_seconds": 60}])

    def _false_facts(self, target: Target, product: dict[str, Any]) -> dict[str, Any]:
        facts = super()._false_facts(target, product)
        return {name: fact for name, fact in facts.items() if not name.startswith("announced_")}

    def _create(self, target: Target) -> tuple[str, str, Any]:
        """Create a product where another one is, or an observation whose data would be inside those of others."""
        if self._created < _MOST_CREATED and self._chance.random() < 0.2:
            self._created += 1
            start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
            return "POST", "observations/", {
                "field_name": "hostile",
                "observing_mode": "arts_sc1_timing",
                "field_ra": 1,
                "field_dec": 2,
                "starttime": start.isoformat(),
                "duration": 60,
                "data_location": target.place,
            }  # fmt: skip
        method, path, (product,) = super()._create(target)
        if "data_location" not in product:
            product = product | {"filename": self._chance.choice(_STRANGE_NAMES)}
        return method, path, [product]

    def _act(self, target: Target) -> tuple[str, str, Any]:
        body = {"action": self._chance.choice(ACTIONS), **_REASON}
        filters = {"taskID": target.task_id}
        one = ("PATCH", f"observations/{target.observation_id}/", body)
        return self._chance.choice([one, ("POST", "observations/bulk/", {"filters": filters, "change": body})])

    def _of_operators(self, target: Target, force: dict[str, Any]) -> tuple[str, str, Any]:
        filters = {"taskID": target.task_id}
        requests: Sequence[tuple[str, str, Any]] = [
            ("PATCH", "deletion/", {"allowed": False, **_REASON}),
            ("PATCH", "stages/remove/", {"delay_seconds": 0}),
            ("PATCH", "stages/ingest/", {"paused": True, **_REASON}),
            ("POST", "observations/bulk/", {"filters": filters, "change": {"new_status": "removed", **force}}),
            ("POST", "dataproducts/bulk/", {"filters": filters, "change": {"new_status": "archived", **force}}),
            ("POST", "claims/release/", {"taskIDs": [target.task_id]}),
            ("POST", "leases/", {"taskID": target.task_id, "owner": target.owner, "lease_seconds": 1}),
            ("DELETE", f"observations/{target.observation_id}/", None),
        ]
        return self._chance.choice(requests)

    def _read(self, path: str, **filters: str) -> list[dict[str, Any]]:
        (client,) = self._clients.values()
        return list(_rows(client.get(path, params=filters).raise_for_status().json()))


def _rows(page: Any) -> Iterator[dict[str, Any]]:
    yield from page if isinstance(page, list) else page["results"]
