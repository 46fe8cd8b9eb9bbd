"""`rollcall events`, `rollcall topics`: what is on Kafka."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click
import orjson

from cli import addresses
from cli.output import CommandError, SettingError, console, json_option, print_json, print_table
from shared import kafka
from shared.contracts import envelope
from shared.contracts.ids import is_id
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS, ROLE_STATE, TOPICS


@click.group()
def topics() -> None:
    """Create and check the topics."""


@topics.command()
@json_option
def ensure(*, as_json: bool) -> None:
    r"""Create the topics that are missing; check the settings of the others.

    Exit code 1 when a topic differs from what is declared; nothing that exists is altered.

    \b
    Example: rollcall topics ensure
    """
    try:
        reports = asyncio.run(kafka.ensure_topics(addresses.find().brokers, TOPICS))
    except kafka.KafkaRefusedError as error:
        raise SettingError(str(error)) from error
    except kafka.KafkaUnavailableError as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json([{"topic": r.name, "outcome": r.outcome, "ok": r.ok} for r in reports])
    else:
        print_table("Topics", ("topic", "outcome"), [(r.name, r.outcome) for r in reports])
    if not all(report.ok for report in reports):
        raise SystemExit(1)


@click.group()
def events() -> None:
    """Look at what happens."""


@events.command()
@click.option(
    "--topic",
    type=click.Choice([DIRECTORY_EVENTS.name, ROLE_EVENTS.name, ROLE_STATE.name]),
    multiple=True,
    help="Which topics; directory and role events by default.",
)
@click.option("--directory", help="Only this directory, by id.")
@click.option("--from-beginning", is_flag=True, help="Also what happened before.")
@json_option
def tail(
    topic: tuple[str, ...], directory: str | None, *, from_beginning: bool, as_json: bool
) -> None:
    r"""Print events as they happen, one line each, until Ctrl-C.

    \b
    Example: rollcall events tail --topic role.events.v1 --from-beginning
    """
    chosen = topic or (DIRECTORY_EVENTS.name, ROLE_EVENTS.name)

    if directory is not None and not is_id(directory):
        raise click.BadParameter(
            f"{directory!r} is not the id of a directory; `rollcall directories list` shows them."
        )

    def show(record: kafka.Incoming) -> None:
        _show(record, directory, as_json=as_json)

    try:
        asyncio.run(_follow(addresses.find().brokers, chosen, show, past=from_beginning))
    except kafka.KafkaRefusedError as error:
        raise SettingError(str(error)) from error
    except kafka.KafkaUnavailableError as error:
        raise CommandError(str(error)) from error


async def _follow(
    servers: kafka.Servers,
    topics: tuple[str, ...],
    show: Callable[[kafka.Incoming], None],
    *,
    past: bool,
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with kafka.reader(servers, topics, past=past) as reader:
        while not stopping.is_set():
            with suppress(TimeoutError):
                for batch in await reader.batches(wait_ms=200, max_records=500):
                    for record in batch.records:
                        show(record)


def _show(record: kafka.Incoming, directory: str | None, *, as_json: bool) -> None:
    key = (record.key or b"").decode("utf-8", "replace")
    if directory and key.partition("/")[0] != directory:
        return
    if as_json:
        print_json(orjson.loads(record.value) if record.value else {"key": key, "value": None})
        return
    console.print(_sentence(record, key), soft_wrap=True, markup=False)


def _sentence(record: kafka.Incoming, key: str) -> str:
    if record.value is None:
        return f"{key}: holds no role any more"
    try:
        event = envelope.parse(record.value)
    except envelope.MalformedEventError:
        return f"{key}: not an event of Rollcall"
    name = event.type.removeprefix("rollcall.").removesuffix(".v1")
    position = f"{event.position.generation}:{event.position.sequence}"
    return f"{event.time:%H:%M:%S.%f} {event.directory} #{position} {name} {_facts(event.data)}"


def _facts(data: dict[str, Any]) -> str:
    resource = data.get("resource") or {}
    user = (data.get("user") or {}).get("userName") or resource.get("userName")
    group = (data.get("group") or {}).get("displayName") or resource.get("displayName")
    role = (data.get("role") or {}).get("name")
    reason = data.get("reason") or {}
    through = ", ".join(one["displayName"] for one in reason.get("groups", ()))
    parts = [
        user,
        f"in {group}" if group and user else group,
        f"as {role}" if role else None,
        f"({reason['kind']}: {through})" if reason else None,
    ]
    return " ".join(part for part in parts if part)
