"""`rollcall snapshot`, `parked`, `unpark`: when something is missing or stuck."""

import asyncio
from collections.abc import Sequence
from typing import get_args

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli import api
from cli.api import Api, Consuming
from cli.output import (
    CommandError,
    console,
    json_option,
    print_json,
    print_table,
    progress_console,
)
from shared.contracts.management import Snapshot, StoppedDirectory

_LOOK_EVERY_S = 0.3
_SERVICES = get_args(Consuming)


@click.command()
@click.argument("directory", required=False)
@click.option("--all", "every", is_flag=True, help="Every directory, one after the other.")
@json_option
def snapshot(directory: str | None, *, every: bool, as_json: bool) -> None:
    r"""Tell all of DIRECTORY again on Kafka, so that whoever missed something is whole again.

    Requests of the provider go on meanwhile. When one runs already, its progress is shown.

    \b
    Example: rollcall snapshot "Globex OneLogin"
    """
    if every == (directory is not None):
        raise click.UsageError("Give a directory, or --all.")

    async def work(client: Api) -> list[Snapshot]:
        listed = await client.directories() if every else []
        found = [await client.find_directory(directory)] if directory else listed
        with _progress() as shown:
            return [await _told(client, one.id, one.name, shown) for one in found]

    done = api.call(work)
    if as_json:
        print_json([one.model_dump(mode="json", by_alias=True) for one in done])
        return
    for one in done:
        console.print(f"Directory {one.directory_id}: {one.written} told, from {one.begin} on.")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn())  # fmt: skip
    return Progress(*columns, console=progress_console)


async def _told(client: Api, directory: str, name: str, shown: Progress) -> Snapshot:
    """Begin a snapshot, and wait until it is told."""
    found = await client.begin_snapshot(directory, api.actor())
    task = shown.add_task(name, total=found.total)
    while found.finished_at is None:
        await asyncio.sleep(_LOOK_EVERY_S)
        found = await client.snapshot(directory, found.id)
        shown.update(task, completed=found.written, total=max(found.total, found.written))
    return found


@click.command()
@click.argument("directory", required=False)
@json_option
def parked(directory: str | None, *, as_json: bool) -> None:
    r"""List the directories whose events a service does not apply, why, and since when.

    `parked` waits for you (`rollcall unpark`), `stalled` for a snapshot that was asked for.

    \b
    Example: rollcall parked --json
    """

    async def work(client: Api) -> list[tuple[Consuming, StoppedDirectory]]:
        wanted = (await client.find_directory(directory)).id if directory else None
        return [
            (service, one) for service in _SERVICES for one in await client.stopped(service, wanted)
        ]

    found = api.call(work)
    if as_json:
        print_json([
            {"service": service, **one.model_dump(mode="json", by_alias=True)}
            for service, one in found
        ])  # fmt: skip
        return
    rows = [
        (service, one.topic, one.directory_id, one.state, one.reason, str(one.waiting),
         f"{one.since:%Y-%m-%d %H:%M:%S}")
        for service, one in found
    ]  # fmt: skip
    columns = ("service", "topic", "directory", "state", "reason", "waiting", "since (UTC)")
    print_table("Stopped directories", columns, rows)


@click.command()
@click.argument("directory")
@click.option("--service", type=click.Choice(_SERVICES), required=True, help="Who stopped.")
@click.option("--skip", is_flag=True, help="Give up the record that stands first.")
@click.option("--yes", is_flag=True, help="Do give it up.")
@json_option
def unpark(directory: str, service: Consuming, *, skip: bool, yes: bool, as_json: bool) -> None:
    r"""Let the records of DIRECTORY that wait go on, in order, once what stopped them is mended.

    A record that still fails stays first. With --skip it is given up: without --yes this only
    says which one; afterwards a snapshot restores what it would have changed.

    \b
    Example: rollcall unpark "Globex OneLogin" --service roles
    """

    async def work(client: Api) -> list[dict[str, object]]:
        found = await client.find_directory(directory)
        stopped = await client.stopped(service, found.id)
        if not stopped:
            raise CommandError(f"{service} applies the events of {directory}: nothing waits.")
        if skip:
            stopped = [one for one in stopped if one.first]
            _say_what_is_given_up(stopped, told_twice=yes)
        return [await _let_go(client, service, one, skip=skip) for one in stopped]

    done = api.call(work)
    if as_json:
        print_json(done)
    for one in [] if as_json else done:
        words = "is live again" if one["state"] == "live" else f"is {one['state']}: {one['reason']}"
        console.print(f"{one['topic']}: {one['applied']} applied, {one['waiting']} wait; {words}.")
    if any(one["state"] == "parked" for one in done):
        raise SystemExit(1)


def _say_what_is_given_up(stopped: Sequence[StoppedDirectory], *, told_twice: bool) -> None:
    for one in stopped:
        first = one.first
        named = f"{first.type} about {first.subject}" if first and first.type else "no event"
        progress_console.print(
            f"{one.topic}: {'giving' if told_twice else 'would give'} up offset "
            f"{first and first.offset} ({named}), which stopped it with {one.reason}.",
            soft_wrap=True,
        )
    if not told_twice:
        raise CommandError("Nothing was changed. Repeat with --yes to give this up.")


async def _let_go(
    client: Api, service: Consuming, one: StoppedDirectory, *, skip: bool
) -> dict[str, object]:
    """Replay step by step until nothing waits, or nothing moves any more."""
    if skip and one.first:
        await client.skip(service, one, api.actor())
    applied = 0
    while True:
        step = await client.replay(service, one)
        applied += step.applied
        if not step.waiting or not step.applied:
            return {
                "topic": one.topic,
                "applied": applied,
                "waiting": step.waiting,
                "state": step.state,
                "reason": step.reason,
            }
