"""Orders to the telescope: the parset, read and validated."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from atdb_interface.data_hosts import local_path
from atdb_interface.errors import BadRequest
from atdb_interface.field_errors import field_of, message_of
from atdb_interface.fields import DataLocation, FileName, FiniteFloat, Name, TaskId, Text, Time
from atdb_interface.instruments.apertif import APERTIF
from atdb_interface.instruments.apertif.parset import read_parset


def _names(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


def _writable(name: str) -> str:
    if not name.endswith(APERTIF.endings):
        raise ValueError(f"does not end with one of {', '.join(APERTIF.endings)}")
    return name


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("names a data product twice")
    return names


Products = Annotated[
    list[Annotated[FileName, AfterValidator(_writable)]],
    Field(min_length=1, max_length=5000),
    BeforeValidator(_names),
    AfterValidator(_distinct),
]


class Order(BaseModel):
    """One observation as its parset describes it. Angles are in degrees, frequencies in MHz.

    Keys that the simulator does not need are ignored.
    """

    model_config = ConfigDict(frozen=True)

    task_id: TaskId = Field(alias="task.taskID")
    start: Time = Field(alias="task.startTime")
    end: Time = Field(alias="task.endTime")
    observing_mode: Name = Field(alias="task.observingMode")
    field_name: Name = Field(alias="task.fieldName")
    field_ra: FiniteFloat | None = Field(None, alias="task.fieldRa")
    field_dec: FiniteFloat | None = Field(None, alias="task.fieldDec")
    central_frequency: FiniteFloat | None = Field(None, alias="task.centralFrequency")
    telescopes: Text = Field("", alias="task.telescopes")
    data_location: DataLocation = Field(alias="dataWriter.dataLocation")
    products: Products = Field(alias="dataWriter.products")

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.end <= self.start:
            raise ValueError("task.endTime is not after task.startTime")
        return self

    @classmethod
    def read(cls, parset: str) -> Self:
        """Read a parset. Raises BadRequest with a sentence that lists the problems."""
        try:
            return cls.model_validate(read_parset(parset))
        except ValidationError as error:
            raise BadRequest(f"the parset cannot be used: {_problems(error)}") from None
        except ValueError as error:
            raise BadRequest(f"the parset cannot be read: {error}") from None

    @property
    def duration(self) -> timedelta:
        """The duration of the observation on the real telescope."""
        return self.end - self.start

    def finishes(self, speedup: float) -> datetime:
        """Return when the simulated observation ends: it starts on time, and runs faster."""
        return self.start + self.duration / speedup

    def directory(self, data_root: Path) -> Path:
        """Return the directory to write to. Raises BadRequest if it is outside the data root, also by a link."""
        try:
            path = local_path(data_root, self.data_location)
            if path.resolve().is_relative_to(data_root.resolve()):
                return path
        except (ValueError, OSError, RuntimeError) as error:
            raise BadRequest(f"the parset cannot be used: dataWriter.dataLocation: {error}") from None
        raise BadRequest("the parset cannot be used: dataWriter.dataLocation: is outside the data root")


class Command(BaseModel):
    """The body of a POST to telescope control."""

    task_id: TaskId = Field(alias="taskID")
    parset: str


_COMMAND = TypeAdapter(Command)


def read_command(body: bytes) -> tuple[Order, str]:
    """Read the body of a request: return the order, and the parset unchanged. Raises BadRequest."""
    try:
        command = _COMMAND.validate_json(body)
    except ValidationError as error:
        raise BadRequest(f"send JSON with taskID and parset: {_problems(error)}") from None
    order = Order.read(command.parset)
    if order.task_id != command.task_id:
        raise BadRequest(f"the parset is for task {order.task_id}, but the request is for {command.task_id}")
    return order, command.parset


def _problems(error: ValidationError) -> str:
    return "; ".join(
        ": ".join([*(str(part) for part in field_of(item)[:1]), message_of(item)])
        for item in error.errors(include_url=False)[:10]
    )
