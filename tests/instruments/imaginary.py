"""A tiny imaginary instrument: a spectrometer of the Sun, without dishes, beams and coordinates."""

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from atdb_interface.instruments import Instrument, Mode, Product, Site, TaskIds
from atdb_interface.observations import Observation


def spectra(observation: Observation) -> list[Product]:
    return [
        Product(f"SUN_{observation.taskID}.spectrum", "spectrum"),
        Product(f"SUN_{observation.taskID}.frames", "image"),
    ]


def command(observation: Observation, filenames: Sequence[str]) -> str:
    return json.dumps({"track": observation.field_name, "gain": observation.options.get("gain"), "to": filenames})


def read_schedule(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            gain = row.pop("gain")
            yield f"{path}, line {number}", {**row, "options": {"gain": int(gain)}}


SUN = Instrument(
    site=Site("Mount Imaginary"),
    modes=(
        Mode("spectrum", data_host="sun1", products=spectra),
        Mode("burst", data_host="sun2", products=lambda _: [], completes_after=timedelta(minutes=5)),
    ),
    task_ids=TaskIds(template="S{day:%Y%m%d}N{number}", pattern="S[0-9]{8}N[0-9]+", example="S20260405N1"),
    product_type="spectrum",
    directories=(".frames",),
    command=command,
    archive_folder=lambda observation: f"sun/{observation.starttime:%Y/%m}",
    read_schedule=read_schedule,
    options={"gain": Annotated[int, Field(ge=0, le=10)]},
    other_options=("mirror",),
    is_data=lambda filename, path: not (filename.endswith(".frames") and path == "viewer.lock"),
)
