"""What went wrong in Postgres: for the moment or for good."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

Answer = TypeVar("Answer")

_ATTEMPTS = 3
# Class 08: connection; 40: rollback; 53: resources; 55P03: lock timeout; 57: operator intervention.
_TRANSIENT_STATES = ("08", "40", "53", "55P03", "57")
# A session that ends while asyncpg awaits a commit surfaces as an error of its state machine. A
# lack of memory says nothing about the work that met it.
_PASSING = (
    OSError,
    TimeoutError,
    MemoryError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class DatabaseUnavailableError(Exception):
    """Postgres could not be reached in time."""


class DatabaseRefusedError(DatabaseUnavailableError):
    """The database URL is wrong: Postgres will never let anybody in with it."""


def is_transient(error: BaseException) -> bool:
    """Tell whether the same work may succeed when it is tried again."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate).startswith(_TRANSIENT_STATES)
    return isinstance(error, _PASSING)


def is_full(error: BaseException) -> bool:
    """Tell whether Postgres has no room on its disk."""
    return isinstance(error, asyncpg.DiskFullError)


def is_rolled_back(error: BaseException) -> bool:
    """Tell whether Postgres rolled the transaction back to break a tie: nothing happened."""
    return isinstance(error, asyncpg.DeadlockDetectedError | asyncpg.SerializationError)


async def repeated(work: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do the work, and again when Postgres chose it as the victim of a tie; three times at most."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await work()
        except Exception as error:
            if not is_rolled_back(error):
                raise
    return await work()
