"""Runs a process: settings, event loop, signals, background jobs, health, bounded stop.

A service nests what it needs, and stops in the reverse order:

    async with db.connect(…), service.background(relay.run), process.listen(app):
        await process.stopping.wait()
"""

import asyncio
import gc
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
import uvloop
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic_settings import BaseSettings

from shared import listening, telemetry, tracing, variables
from shared.db import DatabaseRefusedError, DatabaseUnavailableError, SchemaBehindError
from shared.kafka import KafkaRefusedError, KafkaUnavailableError
from shared.keys import BadKeysError
from shared.tracing import requests as traced
from shared.variables import AnySettings
from shared.web import problem

_log = structlog.get_logger(__name__)
_STOP_WITHIN_S = 30
_JOBS_STOP_WITHIN_S = 8
_REQUESTS_STOP_WITHIN_S = 20
_CUT_OFF_WITHIN_S = 1
_OBJECTS_BETWEEN_SEARCHES = 50_000
_CHECK_WITHIN_S = 2
_LOOK_AT_FILES_EVERY_S = 5.0
# Replicas see a changed file at about the same time: they should not all end at once.
_ENDS_APART_S = 30.0
_NO_LIMITS = listening.Limits()
EXIT_FAILED = 1
EXIT_WRONG_SETTINGS = 2

Job = Callable[[asyncio.Event], Awaitable[None]]
Check = Callable[[], Awaitable[object]]


class PortTakenError(Exception):
    """The address to listen on is in use."""


_EXPECTED = (
    BadKeysError,
    DatabaseUnavailableError,
    KafkaUnavailableError,
    PortTakenError,
    SchemaBehindError,
)
# What only shows once a setting is used.
_OF_SETTINGS = {BadKeysError: "api_keys_file", DatabaseRefusedError: "database_url"}


@dataclass(frozen=True, slots=True)
class Process:
    """This process; `stopping` is set by SIGTERM and SIGINT.

    From then on it is not ready, and goes on for `drain_wait_s` until balancers have seen that.
    """

    name: str
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    drain_wait_s: float = 0.0

    @asynccontextmanager
    async def listen(
        self,
        app: web.Application,
        host: str,
        port: int,
        checks: Mapping[str, Check],
        *,
        refused: listening.Refused = problem,
        limits: listening.Limits = _NO_LIMITS,
    ) -> AsyncIterator[None]:
        """Serve the app with `/livez`, `/readyz` and `/metrics`; finish requests on the way out.

        `/readyz` answers 200 while every check returns in time and the process is not stopping.
        `refused` is the form of the answer to what is not HTTP.
        """
        if spans := tracing.spans():
            app.middlewares.insert(0, traced.observed(spans))
        app.router.add_get("/livez", _alive)
        app.router.add_get("/readyz", self._readiness(checks))
        app.router.add_get("/metrics", _metrics)
        runner = web.AppRunner(app, shutdown_timeout=_CUT_OFF_WITHIN_S)
        await runner.setup()
        door = listening.Door(_server(runner), refused, limits, self.stopping)
        try:
            listener = await listening.listen(door, host, port)
        except OSError as error:
            await runner.cleanup()
            raise PortTakenError(
                f"{host}:{port} cannot be listened on: {error.strerror}"
            ) from error
        _log.info("service.started", address=host, port=port)
        async with _beside(door.watch()):
            try:
                yield
            finally:
                await self._drain(door, listener)
                await runner.cleanup()

    async def _drain(self, door: listening.Door, listener: asyncio.Server) -> None:
        """Go on until balancers know, accept no more, and finish what is in hand."""
        if not self.stopping.is_set():
            listener.close()  # a fault ends the process: what is in hand is cut off
            return
        await asyncio.sleep(self.drain_wait_s)
        await listening.stop(door, listener)
        await door.drain(_REQUESTS_STOP_WITHIN_S)

    def _readiness(
        self, checks: Mapping[str, Check]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def ready(_request: web.Request) -> web.Response:
            faults = ["stopping"] if self.stopping.is_set() else await _faults(checks)
            return web.json_response(
                {"ready": not faults, "faults": faults}, status=503 if faults else 200
            )

        return ready


def _server(runner: web.AppRunner) -> web.Server:
    assert runner.server is not None, "set up before"  # noqa: S101
    return runner.server


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


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do work that has no end of its own beside the block."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
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
    tracing.setup(
        name,
        getattr(settings, "traces_endpoint", None),
        getattr(settings, "traces_share", 1.0),
    )
    # What is loaded by now stays. Looking through it again and again for garbage cost the projector
    # a fifth of its time. What a batch of events makes goes with it, without any search: looked for
    # every 700 objects instead, it cost roles another sixth.
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_SEARCHES)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_supervise(name, settings, serve))
    tracing.stop()
    return code


async def _supervise(
    name: str,
    settings: AnySettings,
    serve: Callable[[Process, AnySettings], Awaitable[None]],
) -> int:
    process = Process(name, drain_wait_s=getattr(settings, "drain_wait_s", 0.0))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, process)
    try:
        async with _beside(_end_when_changed(process, settings)):
            await serve(process, settings)
    except BaseException as error:  # noqa: BLE001  # the edge of the process: say it, exit 1
        expected = _expected(error)
        if expected is None:
            _log.exception("service.crashed")
            return EXIT_FAILED
        return _failed(settings, expected)
    _log.info("service.stopped")
    return 0


def _failed(settings: BaseSettings, error: BaseException) -> int:
    """Say in one line why the service does not run; return the exit code."""
    setting = next((key for kind, key in _OF_SETTINGS.items() if isinstance(error, kind)), None)
    if setting is None:
        _log.error("service.start_failed", reason=str(error))
        return EXIT_WRONG_SETTINGS if isinstance(error, KafkaRefusedError) else EXIT_FAILED
    variable = variables.variable_of(type(settings), (setting,))
    _log.error("service.start_failed", reason=f"{variable}: {error}")
    return EXIT_WRONG_SETTINGS


async def _end_when_changed(process: Process, settings: BaseSettings) -> None:
    """Stop the process once files say other settings: who keeps it up starts it anew (ADR 28)."""
    await until_changed(settings)
    await asyncio.sleep(random.uniform(0, _ENDS_APART_S))  # noqa: S311  # no secret
    _stop(process)


async def until_changed(
    settings: BaseSettings, look_every_s: float = _LOOK_AT_FILES_EVERY_S
) -> None:
    """Return once files say other settings; those that are wrong are said once, and not taken."""
    told = ""
    while True:
        await asyncio.sleep(look_every_s)
        try:
            if variables.load(type(settings)) != settings:
                break
        except variables.WrongSettingsError as error:
            if str(error) != told:
                _log.error("service.settings_refused", reason=str(error))
            told = str(error)
    _log.info("service.settings_changed")


def _stop(process: Process) -> None:
    process.stopping.set()
    # What does not end by itself in time is cut off, even if each step took no more than its
    # own time; a crash is safe by design.
    asyncio.get_running_loop().call_later(_STOP_WITHIN_S, os._exit, EXIT_FAILED)


def _expected(error: BaseException) -> BaseException | None:
    """Return the one expected failure inside the error, unwrapping groups of one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, _EXPECTED) else None


def load(settings_type: type[AnySettings]) -> AnySettings | None:
    """Return the settings from environment and files, or say on standard error what is wrong."""
    try:
        return variables.load(settings_type)
    except variables.WrongSettingsError as error:
        sys.stderr.write(f"{error}\n")
    return None
