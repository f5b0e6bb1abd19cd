"""Run a trigger as the triggerer does."""

import asyncio
from typing import Any

from airflow.triggers.base import BaseTrigger


def fires(trigger: BaseTrigger, within_seconds: float) -> Any:
    """Return the event of the trigger, or None if it continues to wait."""

    async def first() -> Any:
        return await anext(aiter(trigger.run()))

    try:
        return asyncio.run(asyncio.wait_for(first(), within_seconds))
    except TimeoutError:
        return None
