"""Repair the products that a rehearsal has damaged: the simulator generates the same bytes again."""

from pathlib import Path

from standalone.settings import Settings
from standalone.simulator.data_writer import ProductWriter, clear
from standalone.simulator.order import Order
from standalone.simulator.product_files import PARTS
from standalone.simulator.task_memory import TaskMemory, TaskState, WrittenProduct


def damaged(settings: Settings, task_id: str) -> list[str]:
    """Return the names of a task's products that were damaged, repaired or not."""
    task = TaskMemory(settings.telescope_state).find(task_id)
    return sorted(task.damaged) if task else []


def repair_products(settings: Settings, task_id: str) -> bool:
    """Write the damaged products of a finished task again; return False if the task is unknown or not finished."""
    task = TaskMemory(settings.telescope_state).find(task_id)
    if task is None or task.state is not TaskState.FINISHED:
        return False
    order = Order.read(task.parset)
    folder = order.directory(settings.data)
    for product in task.products:
        if product.filename in task.damaged:
            _write(order, folder, product, settings.product_bytes)
    return True


def _write(order: Order, folder: Path, product: WrittenProduct, size: int) -> None:
    """Write a product to a temporary folder, and move it to its place when it is complete."""
    beside = folder / f".repaired.{order.task_id}"
    writer = ProductWriter(order, beside, product.filename, size)
    for part in range(PARTS):
        writer.write(part)
    if writer.record() != product:
        raise ValueError(f"{product.filename} cannot be generated again: the setting of its size has changed")
    clear(folder / product.filename)
    writer.path.rename(folder / product.filename)
    beside.rmdir()
