"""Waiting for what another process does."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

Value = TypeVar("Value")


@overload
async def eventually(
    condition: Callable[[], Awaitable[Value]], *, within_s: float = 10
) -> Value: ...
@overload
async def eventually(condition: Callable[[], Value], *, within_s: float = 10) -> Value: ...
async def eventually(
    condition: Callable[[], Value | Awaitable[Value]], *, within_s: float = 10
) -> Value:
    """Return the first true value of the condition. Raises TimeoutError with what it was last."""
    value: Value | None = None
    try:
        async with asyncio.timeout(within_s):
            while not value:
                found = condition()
                value = await found if inspect.isawaitable(found) else found
                if not value:
                    await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise TimeoutError(f"not within {within_s} s; last it was {value!r}") from error
    return value
