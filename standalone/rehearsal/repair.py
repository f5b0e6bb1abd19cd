"""Put back what a rehearsal has damaged: the simulator's generator makes the same bytes again."""

from pathlib import Path

from standalone.settings import Settings
from standalone.simulator.data_writer import ProductWriter, clear
from standalone.simulator.order import Order
from standalone.simulator.product_files import PARTS
from standalone.simulator.task_memory import State, TaskMemory, WrittenProduct


def damaged(settings: Settings, task_id: str) -> list[str]:
    """Name the products of a task that were damaged, mended or not."""
    task = TaskMemory(settings.telescope_state).find(task_id)
    return sorted(task.damaged) if task else []


def repair_products(settings: Settings, task_id: str) -> bool:
    """Write the damaged products of a finished task again; False where it cannot be done yet."""
    task = TaskMemory(settings.telescope_state).find(task_id)
    if task is None or task.state is not State.FINISHED:
        return False
    order = Order.read(task.parset)
    folder = order.directory(settings.data)
    for product in task.products:
        if product.filename in task.damaged:
            _write(order, folder, product, settings.product_bytes)
    return True


def _write(order: Order, folder: Path, product: WrittenProduct, size: int) -> None:
    """Write beside the place, as a person would, and move it there when it is whole."""
    beside = folder / f".mended.{order.task_id}"
    writer = ProductWriter(order, beside, product.filename, size)
    for part in range(PARTS):
        writer.write(part)
    if writer.record() != product:
        raise ValueError(f"{product.filename} cannot be made again: the size of the products was changed")
    clear(folder / product.filename)
    writer.path.rename(folder / product.filename)
    beside.rmdir()
