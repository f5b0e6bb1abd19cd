"""Lock rows until the transaction ends."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import Observation
from atdb_interface.errors import NotFound


def lock_observation(session: Session, task_id: str) -> Observation:
    """Lock an observation's row until the transaction ends. Raises NotFound."""
    observation = session.scalar(
        select(Observation)
        .where(Observation.task_id == task_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if observation is None:
        raise NotFound(f"There is no observation with taskID {task_id}.")
    return observation
