"""What an instrument says: data, and a few functions of observations."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the models ask the instrument for their limits, when values are read
    from atdb_interface.observations import Observation

#: The version of this interface. An instrument that is made for another one is refused when it is loaded.
API_VERSION = 1


@dataclass(frozen=True)
class Site:
    """Where the telescope is. `telescopes`: one character for each dish; empty if they have no names."""

    name: str
    telescopes: str = ""
    longitude_degrees: float | None = None
    latitude_degrees: float | None = None


@dataclass(frozen=True)
class TaskIds:
    """How the instrument's taskIDs are written.

    `template` has the `day` of an observation's start and the `number` that ATDB counts for that day. `pattern`
    is a regular expression that every taskID matches, without `^`, `$` and `|`.
    """

    template: str
    pattern: str
    example: str

    def write(self, day: date, number: int) -> str:
        """Return the taskID of an observation."""
        return self.template.format(day=day, number=number)


@dataclass(frozen=True)
class Product:
    """A data product that an observation will write: a file, or a directory if its name ends as one."""

    filename: str
    type: str


@dataclass(frozen=True)
class Mode:
    """A kind of observing modes: those that have its name, or begin with it and `_`.

    `data_host` has the data if the specification names no other. `products` lists what an observation will write;
    nothing if that is only known afterwards. `completes_after`: an observation of which the data writer says
    nothing is completing so long after its end, one minute or more; None if it becomes an error instead.
    """

    name: str
    data_host: str
    products: "Callable[[Observation], list[Product]]"
    completes_after: timedelta | None = None


def find_mode(modes: Sequence[Mode], observing_mode: str) -> Mode:
    """Return the first kind that fits an observing mode. Raises ValueError if none does."""
    for mode in modes:
        if observing_mode == mode.name or observing_mode.startswith(f"{mode.name}_"):
            return mode
    raise ValueError(f"{observing_mode!r} begins with none of {', '.join(mode.name for mode in modes)}")


@dataclass(frozen=True)
class Instrument:
    """All that ATDB has to know of one instrument. It speaks to no database and to no network.

    `modes`: the first that fits an observing mode counts. `directories`: the endings of the names of products that
    are directories. `product_type`: that of a data product which names none.

    `command`: what telescope control is sent to observe and to write these files. `archive_folder`: a folder for
    an observation; ATDB keeps it within the archive and adds the taskID. `read_schedule`: the specifications in a
    file of the observatory, each behind where it stands (`<path>, line 3`); BadRequest if it cannot be read.

    `fields`: the pydantic types of `field_beam` and `telescopes`, if the instrument limits them. `options`: the
    types of the options that it knows, whatever the mode; ATDB keeps all others as they are.
    """

    site: Site
    modes: Sequence[Mode]
    task_ids: TaskIds
    product_type: str
    command: "Callable[[Observation, Sequence[str]], str]"
    archive_folder: "Callable[[Observation], str]"
    read_schedule: Callable[[Path], Iterable[tuple[str, Mapping[str, object]]]]
    directories: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    api_version: int = API_VERSION

    def mode(self, observing_mode: str) -> Mode:
        """Return the kind of an observing mode. Raises ValueError if there is none: its products are not known."""
        return find_mode(self.modes, observing_mode)

    def products(self, observation: "Observation") -> list[Product]:
        """List the data products that the telescope will write for an observation."""
        return self.mode(observation.observing_mode).products(observation)

    def is_directory(self, filename: str) -> bool:
        """Return whether a data product of this name is a directory; all others are one file each."""
        return filename.endswith(self.directories)
