"""The interface of instruments: data, and a few functions of observations."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Generic, Protocol

from typing_extensions import TypeVar


class WithMode(Protocol):
    """The fields of an observation that the interface itself reads."""

    observing_mode: str


#: The model of an observation. It cannot be imported here, because it uses the instrument to read values.
ObservationT = TypeVar("ObservationT", bound=WithMode, default=Any)
#: The version of this interface. ATDB refuses to load an instrument for another version.
API_VERSION = 1


@dataclass(frozen=True)
class Site:
    """The site of the telescope. `telescopes`: one character for each dish; empty if the dishes have no names."""

    name: str
    telescopes: str = ""
    longitude_degrees: float | None = None
    latitude_degrees: float | None = None


@dataclass(frozen=True)
class TaskIds:
    """The format of the instrument's taskIDs.

    `template` contains the `day` of an observation's start and its `number` on that day, which ATDB counts.
    `pattern` is a regular expression that every taskID matches, without `^`, `$` and `|`.
    """

    template: str
    pattern: str
    example: str

    def write(self, day: date, number: int) -> str:
        """Return the taskID of an observation."""
        return self.template.format(day=day, number=number)


@dataclass(frozen=True)
class Product:
    """A data product that an observation will write. The ending of its name shows if it is a directory."""

    filename: str
    type: str


@dataclass(frozen=True)
class Mode(Generic[ObservationT]):
    """A kind of observing modes: those that have its name, or begin with its name and `_`.

    - `data_host` receives the data if the specification names no other host.
    - `products` returns the data products that an observation will write; none if they are known only afterwards.
    - `completes_after`: if the data writer has not reported the end of an observation, it becomes completing this
      long after its end, one minute or more. None if it becomes an error instead.
    """

    name: str
    data_host: str
    products: Callable[[ObservationT], list[Product]]
    completes_after: timedelta | None = None


def find_mode(modes: Sequence[Mode[ObservationT]], observing_mode: str) -> Mode[ObservationT]:
    """Return the first kind that matches an observing mode. Raises ValueError if none does."""
    for mode in modes:
        if observing_mode == mode.name or observing_mode.startswith(f"{mode.name}_"):
            return mode
    raise ValueError(f"{observing_mode!r} does not begin with one of {', '.join(mode.name for mode in modes)}")


#: A field of a specification, and what is wrong with it.
Problem = tuple[str, str]


def _has_no_problems(observation: object) -> Iterable[Problem]:  # noqa: ARG001
    return ()


def _always_shares(one: object, other: object) -> bool:  # noqa: ARG001
    return True


def _is_always_data(filename: str, path: str) -> bool:  # noqa: ARG001
    return True


@dataclass(frozen=True)
class Instrument(Generic[ObservationT]):
    """The properties of one instrument. An instrument uses neither a database nor the network.

    - `modes`: an observing mode is of the first kind that matches it.
    - `product_type`: the type of a data product that names none.
    - `command` returns the text that starts the telescope for an observation and its files. It raises ValueError
      for a value that the text cannot express.
    - `archive_folder` returns the folder of an observation. ATDB keeps it within the archive and adds the taskID.
    - `read_schedule` yields the specifications in a file of the observatory, each after its place such as
      `<path>, line 3`. It raises BadRequest if a specification cannot be read.
    - `directories`: the endings of the names of products that are directories. `files`: of those that are files.
    - `fields`: the pydantic types of `field_beam` and `telescopes`, if the instrument limits them.
    - `options`: the types of the options that the instrument knows, in all modes.
    - `other_options`: the options that ATDB accepts too, and keeps unchanged. A site can set a list of its own.
    - `field_names`: other names that the site's schedules use for fields.
    - `problems` yields what is wrong with a specification, although each single value is possible.
    - `shares_telescope` returns whether two observations need the same dish, so that they cannot overlap in time.
    - `is_data` returns whether a file in a data product is data, from the name of the product and the path in it.
      By default, all files are data. An instrument can exclude files that programs change although the data stay
      the same.
    """

    site: Site
    modes: Sequence[Mode[ObservationT]]
    task_ids: TaskIds
    product_type: str
    command: Callable[[ObservationT, Sequence[str]], str]
    archive_folder: Callable[[ObservationT], str]
    read_schedule: Callable[[Path], Iterable[tuple[str, Mapping[str, object]]]]
    directories: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    other_options: tuple[str, ...] = ()
    field_names: Mapping[str, str] = field(default_factory=dict)
    problems: Callable[[ObservationT], Iterable[Problem]] = _has_no_problems
    shares_telescope: Callable[[ObservationT, ObservationT], bool] = _always_shares
    is_data: Callable[[str, str], bool] = _is_always_data
    api_version: int = API_VERSION

    def mode(self, observing_mode: str) -> Mode[ObservationT]:
        """Return the kind of an observing mode. Raises ValueError if the instrument has none."""
        return find_mode(self.modes, observing_mode)

    def products(self, observation: ObservationT) -> list[Product]:
        """Return the data products that the telescope will write for an observation."""
        return self.mode(observation.observing_mode).products(observation)

    @property
    def endings(self) -> tuple[str, ...]:
        """Return the endings of the names of all products."""
        return (*self.files, *self.directories)

    def is_directory(self, filename: str) -> bool:
        """Return whether a data product of this name is a directory. All others are one file each."""
        return filename.endswith(self.directories)
