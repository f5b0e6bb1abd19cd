"""Run a trigger as the triggerer does."""

import asyncio
from typing import Any

from airflow.triggers.base import BaseTrigger


def fires(trigger: BaseTrigger, within_seconds: float) -> Any:
    """Give the trigger's event, or None where it goes on waiting."""

    async def first() -> Any:
        return await anext(aiter(trigger.run()))

    try:
        return asyncio.run(asyncio.wait_for(first(), within_seconds))
    except TimeoutError:
        return None
