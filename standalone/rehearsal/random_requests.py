"""Random requests of accounts that may do too much: wrong statuses, false facts, foreign owners, other places.

The requests of the account pipeline take work from the DAGs and describe it wrongly, but they never state facts
with a lease of their own: the holder of the lease of a stage is believed.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import httpx

#: How often each account of a walk is drawn.
OF_WALKS = MappingProxyType({"viewer": 1, "astronomer": 3, "telescope": 3, "pipeline": 5, "operator": 3})
_STATUSES = (
    *("defined", "scheduled", "starting", "running", "completing", "checking", "valid", "completed", "incomplete"),
    *("ingesting", "archived", "removing", "removed", "ingest error", "remove error", "on hold", "aborted"),
)
_WORKING = ("starting", "checking", "ingesting", "removing")
_PRODUCT_STATUSES = ("defined", "valid", "invalid", "ingesting", "archived", "removed", "ingest error")
ACTIONS = ("hold", "resume", "cancel", "retry", "check", "ingest")
COLLECTIONS = ("", "/", "imaging", "../..", ".hidden", "alta/{other}", "{other}", "manifest.json", "x.part")


@dataclass(frozen=True)
class Target:
    """What a request can be about. `place`: of a product of another observation, as `host:/directory/name`."""

    task_id: str
    observation_id: int
    products: list[dict[str, Any]]
    other: str
    place: str
    owner: str


class Accounts:
    """Some accounts that send requests. `answers`: the status codes of all answers, counted.

    `weights`: how often each account is drawn.
    """

    def __init__(
        self, url: str, secrets: Mapping[str, str], chance: random.Random, weights: Mapping[str, int]
    ) -> None:
        self._chance, self._weights = chance, weights
        self._clients = {
            name: httpx.Client(base_url=f"{url}/atdb/", auth=(name, secrets[name]), trust_env=False, timeout=20)
            for name in weights
        }
        self.answers: Counter[int] = Counter()

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def send(self, account: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request, and count its answer."""
        answer = self._clients[account].request(method, path, json=body)
        self.answers[answer.status_code] += 1
        return answer

    def ask(self, target: Target) -> tuple[str, httpx.Response]:
        """Send a random request, and return it in words, with the answer."""
        account = self._chance.choices(list(self._weights), list(self._weights.values()))[0]
        method, path, body = self.drawn(self._forced(account), target)
        answer = self.send(account, method, path, body)
        return f"{account}: {method} {path} {body} > {answer.status_code}", answer

    def drawn(self, force: dict[str, Any], target: Target) -> tuple[str, str, Any]:  # noqa: PLR0911
        """Draw a request: its method, its path and its body."""
        match self._chance.randrange(8):
            case 0:
                return self._edit(target)
            case 1:
                return self._move(target, force)
            case 2 | 3:
                return self._state(target, force)
            case 4:
                return self._create(target)
            case 5:
                return self._delete(target)
            case 6:
                return self._lease(target)
            case _:
                return self._act(target)

    def act(self, target: Target, action: str) -> httpx.Response:
        """Request an action as an operator."""
        return self.send(
            "operator", "PATCH", f"observations/{target.observation_id}/", {"action": action, "reason": "a walk"}
        )

    def _act(self, target: Target) -> tuple[str, str, Any]:
        body = {"action": self._chance.choice(ACTIONS), "reason": "a walk"}
        return "PATCH", f"observations/{target.observation_id}/", body

    def _forced(self, account: str) -> dict[str, Any]:
        if account == "operator" and self._chance.random() < 0.6:
            return {"force": True, "reason": "a walk"}
        return {"reason": "a walk"}

    def _edit(self, target: Target) -> tuple[str, str, Any]:
        chance = self._chance
        other_place = target.place.rpartition("/")[0]
        fields: dict[str, Any] = {
            "irods_collection": chance.choice(COLLECTIONS).format(other=target.other),
            "data_location": chance.choice([target.place, other_place, "wcudata1:/data/new", "arts001:/x"]),
            "science_mode": chance.choice(["TAB", "IAB"]),
            "duration": chance.randint(60, 600),
            "field_name": f"field {chance.randint(0, 99)}",
            "options": {"ndps": chance.randint(1, 4)},
            "skip_auto_ingest": chance.random() < 0.3,
        }
        name = chance.choice(sorted(fields))
        return "PATCH", f"observations/{target.observation_id}/", {name: fields[name]}

    def _move(self, target: Target, force: dict[str, Any]) -> tuple[str, str, Any]:
        chance, status = self._chance, self._chance.choice(_STATUSES)
        if chance.random() < 0.5:
            body = {"new_status": status, **force}
            return "PATCH", f"observations/{target.observation_id}/", body
        owner = chance.choice([target.owner, None, "mine/own"])
        if status in _WORKING and owner == target.owner:
            owner = "mine/own"  # with a lease of its own under this name, it could state anything
        body = {"taskID": target.task_id, "new_status": status, **force}
        if owner is not None:
            body |= {"owner": owner, "lease_seconds": 1}
        body["name"] = body.pop("new_status")
        return "POST", "status/", body

    def _state(self, target: Target, force: dict[str, Any]) -> tuple[str, str, Any]:
        """State facts about bytes, with the owner of the pipeline or without any."""
        if not target.products:
            return "GET", "dataproducts/", None
        chance = self._chance
        product = chance.choice(target.products)
        fields = self._false_facts(target, product)
        chosen = chance.sample(sorted(fields), chance.choice([1, 1, 2]))
        change = {name: fields[name] for name in chosen} | force
        owner = chance.choice([None, target.owner])
        if chance.random() < 0.5:
            moves = [{"filename": product["filename"], **change}]
            body = {"taskID": target.task_id, "owner": owner, "moves": moves}
            return "POST", "dataproducts/moves/", body
        return "PATCH", f"dataproducts/{product['id']}/", change | ({"owner": owner} if owner else {})

    def _false_facts(self, target: Target, product: dict[str, Any]) -> dict[str, Any]:
        chance = self._chance
        return {
            "size": chance.choice([0, 1, 10**12, product["size"]]),
            "checksum": chance.choice(["ab" * 32, product["checksum"]]),
            "identity": "cd" * 32,
            "disk": "another disk",
            "archive_copy": "file:///elsewhere",
            "announced_size": chance.choice([None, 5]),
            "announced_checksum": chance.choice([None, "ef" * 32]),
            "archive_location": f"imaging/{target.other}/{product['filename']}",
            "data_location": target.place,
            "new_status": chance.choice(_PRODUCT_STATUSES),
        }

    def _create(self, target: Target) -> tuple[str, str, Any]:
        """Create a product in, above or at the place of another one, or with a strange name."""
        folder, _, name = target.place.rpartition("/")
        draws = [
            {"filename": f"inside{self._chance.randint(0, 99)}.fits", "data_location": target.place},
            {"filename": f"inside{self._chance.randint(0, 99)}.fits", "data_location": f"{target.place}/sub"},
            {"filename": name, "data_location": folder},
            {"filename": name, "data_location": f"{folder}/./"},
            {"filename": folder.rpartition("/")[2] or "data", "data_location": folder.rpartition("/")[0] or "a:/"},
            {"filename": f"../{name}", "data_location": folder},
            {"filename": f".{name}.atdb-removed", "data_location": folder},
            {"filename": "manifest.json", "data_location": folder},
            {"filename": f"new{self._chance.randint(0, 999)}.fits"},
        ]
        return "POST", "dataproducts/", [{"taskID": target.task_id, **self._chance.choice(draws)}]

    def _delete(self, target: Target) -> tuple[str, str, Any]:
        if target.products and self._chance.random() < 0.5:
            product = self._chance.choice(target.products)
            if self._chance.random() < 0.5:
                return "POST", f"dataproducts/{product['id']}/force_removal/", {"reason": "a walk"}
            return "DELETE", f"dataproducts/{product['id']}/", None
        return "DELETE", f"observations/{target.observation_id}/", None

    def _lease(self, target: Target) -> tuple[str, str, Any]:
        chance = self._chance
        claim = {"id": f"claim {chance.random()}", "consumer": "x", "statuses": ["valid"], "lease_seconds": 1}
        bodies = [
            ("leases/", {"taskID": target.task_id, "owner": target.owner, "lease_seconds": 1}),
            ("claims/", claim),
            ("claims/release/", {"taskIDs": [target.task_id]}),
        ]
        path, body = chance.choice(bodies)
        return "POST", path, body
