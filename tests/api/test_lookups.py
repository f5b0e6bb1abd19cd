"""All lookups on all fields, compared with the same query in Python: hundreds of random queries.

`make fuzz` sends thousands.
"""

import json
import operator
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from flask import Flask
from sqlalchemy import Engine, text

from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.lifecycle import STAGES, STATUSES, STEPS, WORKING, ProductStatus
from tests.conftest import SECRETS

SEED = 20190408
QUERIES = int(os.environ.get("ATDB_FUZZ_QUERIES", "500"))
ALPHABET = "aAbB3%_\\,' \"éÉßΩω+-.日"
WHOLE_NUMBERS = ("integration_factor", "number_of_bins")
TEXTS = ("par_file_name", "parset_location", "node", "control_parameters")
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": operator.eq,
    "ne": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
TEXT_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "icontains": lambda text, part: lowered(part) in lowered(text),
    "startswith": str.startswith,
    "endswith": str.endswith,
}
#: The facts that stages state of a product, as if they had done their work.
FACTS = text(
    "update dataproducts set status = :status, size = :size, checksum = :checksum, archive_copy = :archive_copy "
    "where filename = :filename"
)
LOOKUPS = (*COMPARISONS, *TEXT_MATCHES, "in", "range", "isnull")
Item = dict[str, Any]


def lowered(text: str) -> str:
    return "".join(character.lower() for character in text)


class StoredSample:
    """A database of random observations, and all its items as Python objects."""

    def __init__(self, client: Client, url: str, engine: Engine, dice: random.Random) -> None:
        self.client, self.engine, self.dice = client, engine, dice
        self.http = httpx.Client(base_url=f"{url}/atdb/", auth=("viewer", SECRETS["viewer"]), timeout=30)
        for number in range(120):
            self._make(number)
        for number in range(3):
            statuses = [stage.source for stage in STAGES]
            ask = ClaimRequest(
                id=f"c{number}", consumer="sky", statuses=statuses, limit=7, lease_seconds=900 + number
            )
            client.claim(ask)
        self.items = {name: self._all(f"{name}/") for name in ("observations", "dataproducts")}
        of_products = self._all("status/", dataproduct__isnull="false")
        self.items["status"] = sorted(self._all("status/") + of_products, key=lambda step: step["id"])

    def _all(self, path: str, **filters: str) -> list[Item]:
        answer = self.http.get(path, params={"page_size": 1000, **filters}).json()
        assert answer["next"] is None
        results: list[Item] = answer["results"]
        return results

    def _text(self, shortest: int = 1) -> str:
        text = "".join(self.dice.choices(ALPHABET, k=self.dice.randint(shortest, 4))).strip()
        return text or "x" * shortest

    def _perhaps(self, value: Any) -> Any:
        return self.dice.choice([value, None])

    def _make(self, number: int) -> None:
        dice = self.dice
        start = datetime(2019, 4, 8, tzinfo=UTC) + timedelta(minutes=7 * number)
        made = self.client.create_observation(
            {
                "field_name": self._text(),
                "name": self._text(),
                "observing_mode": dice.choice(
                    ["imaging", "imaging_pointing", "arts_sc1_timing", "arts_sc4_survey"]
                ),
                "starttime": start.isoformat(),
                "duration": dice.choice([60, 300, 300, 41_400]),
                **dice.choice(
                    [
                        {"field_ra": dice.choice([1e-05, 24.422081, 202.78, 359.99])},
                        {"field_ha": dice.choice([-29.297215, 179.5])},
                    ]
                ),
                "field_dec": dice.choice([-33.25, 0.0, 33.159759]),
                "field_beam": self._perhaps(dice.randint(0, 39)),
                "beamPattern": self._perhaps(self._text(0)),
                "central_frequency": self._perhaps(dice.choice([1370.0, 1.25e3])),
                "telescopes": self._perhaps("23456789ABCD"[: dice.randint(1, 12)]),
                **{name: self._perhaps(dice.randint(0, 24)) for name in WHOLE_NUMBERS},
                **{name: self._perhaps(self._text()) for name in TEXTS},
                "start_band": self._perhaps(dice.randint(0, 12)),
                "end_band": self._perhaps(dice.randint(12, 24)),
                "irods_collection": self._perhaps("arts_main/arts_sc1"),
                "science_mode": self._perhaps(dice.choice(["TAB", "IAB"])),
                "skip_auto_ingest": dice.random() < 0.3,
                "priority": dice.randint(-2, 2),
                "data_location": dice.choice(["wcudata1:/data", "arts001:/data/01"]),
                "options": dice.choice([{}, {"ndps": "3"}, {"process_triggers": self._text()}]),
            }
        )
        names = [f"{made.taskID}_{n}.fits" for n in range(dice.randint(0, 2))]
        self.client.create_dataproducts(
            [
                NewDataProduct(
                    taskID=made.taskID,
                    filename=name,
                    quality=self._perhaps("good"),
                    node=self._text(),
                    size=self._perhaps(7),
                )
                for name in names
            ]
        )
        status = made.my_status
        for _ in range(dice.randint(0, 6)):
            # A status that states something about data needs products that support it.
            steps = [step.target for step in STEPS if step.source is status and not STATUSES[step.target].states]
            if not steps:
                break
            status = dice.choice(steps)
            owner = dice.choice(["observe/1", None])
            self.client.move(made.taskID, status, owner=owner, lease_seconds=1, reason=self._text(0))
            if status in WORKING and owner:
                break  # the next move would have to be by the owner
        facts = (
            {
                "filename": name,
                "status": dice.choice(sorted(ProductStatus)),
                "size": dice.choice([0, 7, 10**12]),
                "checksum": f"{dice.getrandbits(256):064x}",
                "archive_copy": self._perhaps(f"file:///archive/{name}"),
            }
            for name in names
            if dice.random() < 0.7
        )
        with self.engine.begin() as connection:
            for each in facts:
                connection.execute(FACTS, each)

    def question(self) -> tuple[str, dict[str, str]]:
        """Build a random query, mostly with values that exist."""
        resource = self.dice.choice(list(self.items))
        fields = list(self.items[resource][0])
        parameters = {}
        for _ in range(self.dice.choice([1, 1, 1, 2, 3])):
            field, lookup = self.dice.choice(fields), self.dice.choice(LOOKUPS)
            name = field if lookup == "exact" and self.dice.random() < 0.5 else f"{field}__{lookup}"
            name += self.dice.choice(["", "", "__exclude"])
            parameters[name] = self._value(resource, field, lookup)
        return resource, parameters

    def _value(self, resource: str, field: str, lookup: str) -> str:
        if lookup == "isnull":
            return self.dice.choice(["true", "false", "1", "0"])
        if lookup in TEXT_MATCHES:
            text = self._known(resource, field)
            begin = self.dice.randint(0, len(text))
            part = text[begin : begin + self.dice.randint(0, 3)]
            return self.dice.choice([part, part, part.swapcase(), self._text()])
        number = {"in": self.dice.randint(1, 4), "range": 2}.get(lookup, 1)
        if lookup not in ("in", "range"):
            return self._known(resource, field)
        return ",".join(in_list(self._known(resource, field)) for _ in range(number))

    def _known(self, resource: str, field: str) -> str:
        """Return a value that some item has in a field, written as in a URL."""
        values = [part for item in self.items[resource] for part in parts(item[field]) if part is not None]
        if not values:
            return "x"
        return written(self.dice.choice(values))


def parts(value: Any) -> list[Any]:
    """Return the values that a lookup compares: all values of a field with several."""
    if not isinstance(value, list):
        return [value]
    return [part["name"] if isinstance(part, dict) else part for part in value]


def written(value: Any) -> str:
    """Format a value as PostgreSQL does, but times as the API does."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, dict):
        ordered = dict(sorted(value.items(), key=lambda pair: (len(pair[0].encode()), pair[0])))
        return json.dumps(ordered, ensure_ascii=False)
    return str(value)


def in_list(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,")


def values_of(text: str) -> list[str]:
    """Return the values of a list, read character by character."""
    values = [""]
    characters = list(text)
    while characters:
        character = characters.pop(0)
        if character == "\\":
            values[-1] += characters.pop(0)
        elif character == ",":
            values.append("")
        else:
            values[-1] += character
    return values


def like(example: Any, text: str) -> Any:
    """Parse a text as the type of an item's value."""
    if isinstance(example, bool):
        return text in ("true", "1")
    if isinstance(example, int | float):
        return float(text)
    return text


def finds(item: Item, parameter: str, value: str) -> bool:
    """Return whether a filter matches an item."""
    field, *rest = parameter.split("__")
    excludes = rest[-1:] == ["exclude"]
    lookup = (rest[:-1] if excludes else rest)[:1] or ["exact"]
    values = parts(item[field])
    if lookup == ["isnull"]:
        is_null = all(part is None for part in values)
        matches = is_null == (value in ("true", "1"))
    else:
        matches = any(part is not None and compares(part, lookup[0], value) for part in values)
    return matches != (excludes != (lookup == ["ne"]))


def compares(part: Any, lookup: str, value: str) -> bool:
    if lookup in TEXT_MATCHES:
        return TEXT_MATCHES[lookup](written(part), value)
    if isinstance(part, dict):
        part = written(part)
    if lookup == "in":
        return any(part == like(part, each) for each in values_of(value))
    if lookup == "range":
        first, last = values_of(value)
        return bool(like(part, first) <= part <= like(part, last))
    return COMPARISONS[lookup](part, like(part, value))


@pytest.mark.timeout(600)
def test_each_of_many_random_queries_finds_what_python_finds(client: Client, url: str, app: Flask) -> None:
    sample = StoredSample(client, url, app.extensions["atdb_engine"], random.Random(SEED))
    useful_queries = 0
    for _ in range(QUERIES):
        resource, parameters = sample.question()
        answer = sample.http.get(f"{resource}/", params={**parameters, "page_size": 1000, "fields": "id"})
        candidates = sample.items[resource]
        if resource == "status" and not any(name.startswith("dataproduct") for name in parameters):
            candidates = [step for step in candidates if step["dataproduct"] is None]
        expected = sorted(i["id"] for i in candidates if all(finds(i, *filter_) for filter_ in parameters.items()))
        assert answer.status_code == 200, (resource, parameters, answer.text)
        assert [item["id"] for item in answer.json()["results"]] == expected, (resource, parameters)
        useful_queries += 0 < len(expected) < len(candidates)
    assert useful_queries > QUERIES / 4
