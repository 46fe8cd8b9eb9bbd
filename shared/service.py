"""Runs a process: settings, event loop, signals, background jobs, health, bounded stop.

A service nests what it needs, and stops in the reverse order:

    async with db.connect(…), service.background(relay.run), process.listen(app):
        await process.stopping.wait()
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
import uvloop
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from shared import telemetry
from shared.db import DatabaseUnavailableError
from shared.kafka import KafkaUnavailableError

_log = structlog.get_logger(__name__)
_STOP_WITHIN_S = 30
_JOBS_STOP_WITHIN_S = 15
_REQUESTS_STOP_WITHIN_S = 10
_CHECK_WITHIN_S = 2
_MISSING = "is not set; docs/reference/settings.md says what it holds"
EXIT_FAILED = 1
EXIT_WRONG_SETTINGS = 2

AnySettings = TypeVar("AnySettings", bound=BaseSettings)
Job = Callable[[asyncio.Event], Awaitable[None]]
Check = Callable[[], Awaitable[object]]


class PortTakenError(Exception):
    """The address to listen on is in use."""


_EXPECTED = (DatabaseUnavailableError, KafkaUnavailableError, PortTakenError)


@dataclass(frozen=True, slots=True)
class Process:
    """This process; `stopping` is set by SIGTERM and SIGINT."""

    name: str
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def listen(
        self, app: web.Application, host: str, port: int, checks: Mapping[str, Check]
    ) -> AsyncIterator[None]:
        """Serve the app with `/livez`, `/readyz` and `/metrics`; finish requests on the way out.

        `/readyz` answers 200 while every check returns in time and the process is not stopping.
        """
        app.router.add_get("/livez", _alive)
        app.router.add_get("/readyz", self._readiness(checks))
        app.router.add_get("/metrics", _metrics)
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_REQUESTS_STOP_WITHIN_S, keepalive_timeout=30
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, backlog=1024).start()
        except OSError as error:
            await runner.cleanup()
            raise PortTakenError(
                f"{host}:{port} cannot be listened on: {error.strerror}"
            ) from error
        _log.info("service.started", address=host, port=port)
        try:
            yield
        finally:
            await runner.cleanup()

    def _readiness(
        self, checks: Mapping[str, Check]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def ready(_request: web.Request) -> web.Response:
            faults = ["stopping"] if self.stopping.is_set() else await _faults(checks)
            return web.json_response(
                {"ready": not faults, "faults": faults}, status=503 if faults else 200
            )

        return ready


async def _faults(checks: Mapping[str, Check]) -> list[str]:
    faults = []
    for name, check in checks.items():
        try:
            async with asyncio.timeout(_CHECK_WITHIN_S):
                await check()
        except Exception as error:  # noqa: BLE001  # whatever it is, the answer is "not ready"
            faults.append(f"{name}: {type(error).__name__}")
    return faults


async def _alive(_request: web.Request) -> web.Response:
    return web.Response(text="alive\n")


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


@asynccontextmanager
async def background(*jobs: Job) -> AsyncIterator[None]:
    """Run jobs beside the block; stop them after it, cancelling what does not end in time.

    A job that fails takes the block, and with it the process, down.
    """
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_run(job, stop)) for job in jobs]
        yield
        stop.set()
        _, late = await asyncio.wait(tasks, timeout=_JOBS_STOP_WITHIN_S)
        for task in late:
            task.cancel()


async def _run(job: Job, stop: asyncio.Event) -> None:
    await job(stop)


def run(
    name: str,
    settings_type: type[AnySettings],
    serve: Callable[[Process, AnySettings], Awaitable[None]],
) -> int:
    """Run a service until a signal; return the exit code: 0, 1 failed, 2 wrong settings."""
    settings = load(settings_type)
    if settings is None:
        return EXIT_WRONG_SETTINGS
    telemetry.setup(
        name,
        log_format=getattr(settings, "log_format", "json"),
        log_level=getattr(settings, "log_level", "INFO"),
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_supervise(name, settings, serve))


async def _supervise(
    name: str,
    settings: AnySettings,
    serve: Callable[[Process, AnySettings], Awaitable[None]],
) -> int:
    process = Process(name)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, process)
    try:
        await serve(process, settings)
    except BaseException as error:  # noqa: BLE001  # the edge of the process: say it, exit 1
        expected = _expected(error)
        if expected is None:
            _log.exception("service.crashed")
            return EXIT_FAILED
        _log.error("service.start_failed", reason=str(expected))
        return EXIT_FAILED
    _log.info("service.stopped")
    return 0


def _stop(process: Process) -> None:
    process.stopping.set()
    # What does not end by itself in time is cut off; a crash is safe by design.
    asyncio.get_running_loop().call_later(_STOP_WITHIN_S, os._exit, EXIT_FAILED)


def _expected(error: BaseException) -> BaseException | None:
    """Return the one expected failure inside the error, unwrapping groups of one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, _EXPECTED) else None


def load(settings_type: type[AnySettings]) -> AnySettings | None:
    """Return the settings from the environment, or say on standard error what is wrong."""
    try:
        return settings_type()
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            reason = _MISSING if fault["type"] == "missing" else fault["msg"]
            sys.stderr.write(f"{_variable(settings_type, fault['loc'])}: {reason}\n")
        return None


def _variable(settings_type: type[BaseSettings], location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else ""
    if name in settings_type.model_fields:
        prefix = settings_type.model_config.get("env_prefix", "")
        return f"{prefix}{name}".upper()
    return name.upper()
