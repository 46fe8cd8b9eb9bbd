"""Signals as events: the first one asks to stop, the second one to hurry."""

import asyncio
import signal
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Signals:
    """What SIGINT, SIGTERM and SIGHUP have asked for so far."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    hurried: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self) -> None:
        """Take the signals from now on."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.receive)

    def receive(self) -> None:
        """Take one signal."""
        (self.hurried if self.stopping.is_set() else self.stopping).set()

    async def unless_stopped(self, work: Awaitable[Value]) -> Value | None:
        """Return what the work comes to; None, the work cancelled, when a signal comes first."""
        working = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if working.done():
            return working.result()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        return None
