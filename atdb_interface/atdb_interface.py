"""The names of Apertif's old client, so that services written for it keep working.

A key is `resource:field`, such as `observations:my_status`. Methods raise the errors of `atdb_interface.errors`.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from atdb_interface import query_lists
from atdb_interface.characters import in_one_line
from atdb_interface.client.presets import find_host
from atdb_interface.errors import BadRequest, NotFound
from atdb_interface.lifecycle import Status
from atdb_interface.transitions import Move

Fields = dict[str, Any]

_LOOSE = re.compile(r"\s*\{\s*\w+\s*[=:]")


class ATDB:
    """A client of ATDB with the old names. `host`: a preset such as "prod", or a URL with or without `/atdb/`.

    `user` and `password` are those of the preset, unless they are given. `verbose` prints each request.
    """

    def __init__(
        self, host: str, verbose: bool = False, user: str | None = None, password: str | None = None
    ) -> None:
        preset = find_host(host)
        url = preset.url.rstrip("/").removesuffix("/atdb")
        self._verbose = verbose
        self._client = replace(
            preset, url=url, user=user or preset.user, secret=password or preset.secret
        ).client()

    def do_GET_ID(self, key: str, value: Any) -> Any:
        """Return the id of the first item whose field has this value, or "-1"."""
        resource, field = _split(key)
        return next((row["id"] for row in self._rows(resource, "id", {field: value})), "-1")

    def do_GET(self, key: str, id: int | str | None = None, taskid: str | None = None) -> Any:
        """Return a field of the item with this id, or of the first item with this taskID."""
        resource, field = _split(key)
        for row in self._rows(resource, field, _named(id, taskid)):
            return row[field]
        raise NotFound(f"no item of {resource} has id {id} or taskID {taskid}")

    def do_GET_LIST(self, key: str, query: str = "") -> list[Any]:
        """Return a field of all items that match a query, such as `my_status__in=starting,running`."""
        resource, field = _split(key)
        return [row[field] for row in self._rows(resource, field, _filters(query))]

    def do_GET_NextObservation(
        self, my_status: str, observing_mode: str = "", datawriter: str = ""
    ) -> tuple[str | None, float | None]:
        """Return the taskID of the observation that starts nearest to now, and the minutes until its start.

        The minutes are negative if the start has passed. Return (None, None) if no observation matches.
        """
        now = datetime.now(UTC)
        filters = {
            "my_status": my_status,
            "observing_mode__icontains": observing_mode,
            "data_location__icontains": datawriter,
            "page_size": 1,
        }
        self._say("GET", "observations", filters)
        later = self._client.observations(starttime__gte=now, ordering="starttime", **filters)
        earlier = self._client.observations(starttime__lt=now, ordering="-starttime", **filters)
        neighbours = [observation for walk in (later, earlier) if (observation := next(walk, None))]
        if not neighbours:
            return None, None
        nearest = min(neighbours, key=lambda observation: abs(observation.starttime - now))
        return nearest.taskID, (nearest.starttime - now).total_seconds() / 60

    def do_GET_Observation(self, taskid: str) -> Fields:
        """Return all fields of an observation."""
        self._say("GET", "observations", taskid)
        return self._client.observation(taskid).model_dump(mode="json")

    def do_PUT(
        self, key: str = "observations", id: int | str | None = None, value: Any = None, taskid: str | None = None
    ) -> None:
        """Set a field of the item with this id, or of the only item with this taskID; `new_status` moves it."""
        resource, field = _split(key)
        ids = [id] if id is not None else self._ids(resource, _named(id, taskid))
        if not ids:
            raise NotFound(f"no item of {resource} has taskID {taskid}")
        if len(ids) > 1:
            raise BadRequest(f"{taskid} has {len(ids)} {resource}. Give the id of one, or use do_PUT_LIST.")
        self._change(resource, ids[0], {field: value})

    def do_PUT_LIST(self, key: str = "dataproducts", taskid: str | None = None, value: Any = None) -> None:
        """Set a field of every item with this taskID."""
        resource, field = _split(key)
        for each in self._ids(resource, _named(None, taskid)):
            self._change(resource, each, {field: value})

    def do_POST(self, resource: str, payload: str | Fields) -> None:
        """Create an item from JSON text, a dict, or the loose `{name=WSRTA180223003_B003.MS,taskID=180223003}`."""
        self._create(resource, _read(payload))

    def do_POST_json(self, resource: str, payload: str | Fields) -> None:
        """Create an item from JSON text or a dict."""
        self._create(resource, _read_json(payload))

    def do_POST_dataproducts(self, taskid: str, dataproducts: Iterable[Fields]) -> str:
        """Create data products of an observation, all or none, and return its taskID."""
        products = [{"taskID": taskid, **product} for product in dataproducts]
        self._say("POST", "dataproducts", products)
        self._client.create_dataproducts(products)
        return taskid

    def do_DELETE(self, resource: str, id: int | str) -> None:
        """Delete an item, or all existing items in a range of ids such as `11..15`."""
        delete = {
            "observations": self._client.delete_observation,
            "dataproducts": self._client.delete_dataproduct,
        }.get(resource)
        if delete is None:
            raise BadRequest(f"items of {resource!r} cannot be deleted")
        first, dots, last = str(id).partition("..")
        for each in self._ids(resource, {"id__range": f"{first},{last}"}) if dots else [first]:
            self._say("DELETE", resource, each)
            delete(int(each))

    def _rows(self, resource: str, field: str, filters: Fields) -> Iterator[Fields]:
        self._say("GET", resource, field, filters)
        return self._client.rows(resource, **{**filters, "fields": field})

    def _ids(self, resource: str, filters: Fields) -> list[Any]:
        return [row["id"] for row in self._rows(resource, "id", filters)]

    def _change(self, resource: str, id: int | str, fields: Fields) -> None:
        self._say("PUT", resource, id, fields)
        match resource:
            case "observations":
                self._client.change_observation(int(id), **fields)
            case "dataproducts":
                self._client.change_dataproduct(int(id), **fields)
            case _:
                raise BadRequest(f"items of {resource!r} cannot be changed")

    def _create(self, resource: str, fields: Fields) -> None:
        self._say("POST", resource, fields)
        match resource:
            case "observations":
                if fields.get("new_status") == Status.DEFINED:  # ATDB sets this status itself
                    fields = {name: value for name, value in fields.items() if name != "new_status"}
                self._client.create_observation(fields)
            case "dataproducts":
                self._client.create_dataproducts([fields])
            case "status":
                ask = Move.model_validate(fields)
                others = {name: getattr(ask, name) for name in fields if name not in ("taskID", "name")}
                self._client.move(ask.taskID, ask.name, **others)
            case _:
                raise BadRequest(f"items cannot be added to {resource!r}")

    def _say(self, *words: Any) -> None:
        if self._verbose:
            print("ATDB:", *map(in_one_line, words))


def _split(key: str) -> tuple[str, str]:
    resource, _, field = key.partition(":")
    if not resource or not field:
        raise BadRequest(f"{key!r} is not resource:field, such as observations:my_status")
    return resource, field


def _named(id: int | str | None, taskid: str | None) -> Fields:
    if id is not None:
        return {"id": id}
    if taskid is not None:
        return {"taskID": taskid}
    raise BadRequest("give an id or a taskid")


def _filters(query: str) -> Fields:
    pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True)
    try:
        return dict(query_lists.by_name(pairs))
    except ValueError as error:
        raise BadRequest(f"{query!r}: {error}") from None


def _read(payload: str | Fields) -> Fields:
    """Read a payload in any notation. The loose one has no quotes around names, and no commas in values."""
    if not isinstance(payload, str) or not _LOOSE.match(payload):
        return _read_json(payload)
    fields = {}
    for part in payload.strip().removeprefix("{").removesuffix("}").split(","):
        match = re.fullmatch(r"\s*(\w+)\s*[=:](.*)", part)
        if not match:
            raise BadRequest(f"{part!r} in {payload!r} is not name=value")
        fields[match[1]] = match[2].strip()
    return fields


def _read_json(payload: str | Fields) -> Fields:
    if not isinstance(payload, str):
        return dict(payload)
    try:
        fields = json.loads(payload)
    except ValueError as error:
        raise BadRequest(f"{payload!r} is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise BadRequest(f"{payload!r} is not a JSON object")
    return fields
