"""The size of a task is that of its products, in all their statuses."""

from collections.abc import Callable

from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.observations import Observation


def test_the_size_of_a_task_follows_its_products(client: Client, observe: Callable[..., Observation]) -> None:
    made, other = observe(), observe()

    def sizes() -> list[bool]:
        return [
            client.count_observations(taskID=task.taskID, size=size) == 1
            for task, size in ((made, expected), (other, 0))
        ]

    expected = 0
    assert sizes() == [True, True]
    first, second = client.create_dataproducts(
        [NewDataProduct(taskID=made.taskID, filename=name, size=size) for name, size in (("a", 5), ("b", None))]
    )
    expected = 5
    assert sizes() == [True, True]
    client.change_dataproduct(second.id, announced_size=7)
    client.change_dataproduct(first.id, announced_size=1)
    client.change_dataproduct(first.id, quality="good")
    expected = 8
    assert sizes() == [True, True]
    client.delete_dataproduct(second.id)
    expected = 1
    assert sizes() == [True, True]
