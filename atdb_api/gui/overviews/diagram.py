"""Draw the lifecycle from its table: the normal route down the middle, other statuses beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from atdb_interface.lifecycle import Actor, Status, Step, allowed_next

BOX_WIDTH, BOX_HEIGHT, PITCH, MARGIN = 236, 44, 62, 4
_LEFT, _MIDDLE, _RIGHT = MARGIN, 440, 936
WIDTH = _RIGHT + BOX_WIDTH + MARGIN
#: A status that more statuses lead to has a note instead of arrows.
_MOST_ARROWS = 4
#: The distance between the arrows that leave a box and those that enter it.
_PORT = 9
_HEAD = 5


@dataclass(frozen=True)
class Box:
    """A status. `note`: the text in place of arrows, if there would be too many."""

    status: Status
    x: int
    y: int
    note: str = ""
    width: int = BOX_WIDTH
    height: int = BOX_HEIGHT

    @property
    def middle(self) -> float:
        """Return the y of its middle."""
        return self.y + BOX_HEIGHT / 2


@dataclass(frozen=True)
class Arrow:
    """A step. `path`: its path in SVG. `x`, `y`: on the normal route, the place of the actor's name."""

    step: Step
    path: str
    x: float | None = None
    y: float | None = None

    @property
    def is_decision(self) -> bool:
        """Return whether an operator makes the step."""
        return self.step.actor is Actor.OPERATOR


@dataclass(frozen=True)
class Drawing:
    """All boxes and arrows, in a space of `width` by `height`."""

    boxes: list[Box]
    arrows: list[Arrow]
    height: int
    width: int = WIDTH


def normal_route(steps: Iterable[Step]) -> list[Status]:
    """Return the longest route that requires no operator."""
    nexts: dict[Status, list[Status]] = {}
    for step in steps:
        if step.actor is not Actor.OPERATOR:
            nexts.setdefault(step.source, []).append(step.target)

    def longest(route: list[Status]) -> list[Status]:
        routes = [longest([*route, each]) for each in nexts.get(route[-1], ()) if each not in route]
        return max(routes, key=len, default=route)

    return max((longest([status]) for status in nexts), key=len, default=[])


def draw(steps: Sequence[Step], statuses: Sequence[Status] = tuple(Status)) -> Drawing:
    """Draw a lifecycle.

    On the right are statuses that are reached automatically; on the left, those that only operators set.
    """
    route = normal_route(steps)
    automatic = {step.target for step in steps if step.actor is not Actor.OPERATOR}
    boxes = {status: Box(status, _MIDDLE, MARGIN + row * PITCH) for row, status in enumerate(route)}
    for x, column in (
        (_RIGHT, [status for status in statuses if status not in boxes and status in automatic]),
        (_LEFT, [status for status in statuses if status not in boxes and status not in automatic]),
    ):
        for row, status in _rows(column, route, steps):
            boxes[status] = Box(status, x, MARGIN + row * PITCH, _note(status, steps))
    arrows = [_arrow(step, boxes, route) for step in steps if not boxes[step.target].note]
    return Drawing(list(boxes.values()), arrows, max(box.y for box in boxes.values()) + BOX_HEIGHT + MARGIN)


def _rows(column: Sequence[Status], route: Sequence[Status], steps: Sequence[Step]) -> list[tuple[int, Status]]:
    """Place each status of a column beside the statuses that lead to it, or in the next free row."""
    wanted = {status: _beside(status, route, steps) for status in column}
    places: list[tuple[int, Status]] = []
    for status in sorted(column, key=lambda each: wanted[each]):
        free = places[-1][0] + 1 if places else 0
        places.append((max(free, int(wanted[status])), status))
    return places


def _beside(status: Status, route: Sequence[Status], steps: Sequence[Step]) -> float:
    rows = [route.index(step.source) for step in steps if step.target is status and step.source in route]
    return sum(rows) / len(rows) if rows else 0


def _note(status: Status, steps: Sequence[Step]) -> str:
    sources = [step.source for step in steps if step.target is status]
    if len(sources) <= _MOST_ARROWS:
        return ""
    leads_back = not allowed_next(status) and allowed_next(status, sources[0])
    return f"from any of {len(sources)}" + (", and back" if leads_back else "")


def _arrow(step: Step, boxes: dict[Status, Box], route: Sequence[Status]) -> Arrow:
    source, target = boxes[step.source], boxes[step.target]
    if source.x == target.x:
        if route[-1] is not step.source and source.x == _MIDDLE and target.y == source.y + PITCH:
            x = _MIDDLE + BOX_WIDTH / 2
            y, end = source.y + BOX_HEIGHT, target.y
            return Arrow(step, f"M{x:g} {y}V{end - 1}{_head(x, end, 0, 1)}", x + 8, (y + end) / 2 + 4)
        return Arrow(step, _around(source, target))
    return Arrow(step, _across(source, target))


def _around(source: Box, target: Box) -> str:
    """Return the path from one box of a column to another, past those between, on the free side."""
    side = -1 if source.x == _MIDDLE else 1
    edge = source.x if side < 0 else source.x + BOX_WIDTH
    out = edge + side * 70
    y, end = source.middle + _PORT * _sign(target.y - source.y), target.middle - _PORT * _sign(target.y - source.y)
    return f"M{edge} {y:g}C{out} {y:g} {out} {end:g} {edge + side} {end:g}{_head(edge, end, -side, 0)}"


def _across(source: Box, target: Box) -> str:
    """Return the path to another column: it leaves above the middle of a box and enters below the middle."""
    side = 1 if target.x > source.x else -1
    x = source.x + BOX_WIDTH if side > 0 else source.x
    end_x = target.x if side > 0 else target.x + BOX_WIDTH
    y, end = source.middle - side * _PORT, target.middle - side * _PORT
    if y == end:
        return f"M{x} {y:g}H{end_x - side}{_head(end_x, end, side, 0)}"
    bend = side * abs(end_x - x) * 0.5
    return (
        f"M{x} {y:g}C{x + bend:g} {y:g} {end_x - bend:g} {end:g} {end_x - side} {end:g}"
        f"{_head(end_x, end, side, 0)}"
    )


def _head(x: float, y: float, right: int, down: int) -> str:
    """Return the path of the head of an arrow that ends at (x, y) in this direction."""
    back_x, back_y = x - right * (_HEAD + 2), y - down * (_HEAD + 2)
    one = (back_x - down * _HEAD * 0.8, back_y - right * _HEAD * 0.8)
    other = (back_x + down * _HEAD * 0.8, back_y + right * _HEAD * 0.8)
    return f"M{one[0]:g} {one[1]:g}L{x:g} {y:g}L{other[0]:g} {other[1]:g}"


def _sign(number: float) -> int:
    return 1 if number > 0 else -1
