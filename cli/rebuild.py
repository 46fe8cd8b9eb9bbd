"""`rollcall rebuild`: make the read models anew from the log, beside those that are shown."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from cli import api
from cli.api import Api
from cli.output import (
    CommandError,
    console,
    json_option,
    print_json,
    print_table,
    progress_console,
)
from shared.contracts.management import Act, NewRebuild, ReadModel, Switch

_LOOK_EVERY_S = 0.5
_AT_WORK = {"preparing", "filling", "indexing", "comparing"}
_SWITCH_WITHIN_S = 30


@click.command()
@click.option("--back", is_flag=True, help="Show the version that was live before.")
@click.option("--switch", "switch_to", type=int, metavar="VERSION", help="Show this version.")
@click.option("--drop", type=int, metavar="VERSION", help="Give this version up.")
@click.option("--list", "listing", is_flag=True, help="List the versions.")
@click.option("--follow", is_flag=True, help="Follow the rebuild that runs.")
@click.option("--no-switch", is_flag=True, help="Only fill and compare; switch later.")
@click.option("--accept-loss", is_flag=True, help="Also from a log without its beginning.")
@click.option("--force", is_flag=True, help="Show a version that is behind or not equal.")
@click.option("--yes", is_flag=True, help="Drop without asking.")
@json_option
def rebuild(  # noqa: PLR0913  # one for each option
    *,
    back: bool,
    switch_to: int | None,
    drop: int | None,
    listing: bool,
    follow: bool,
    no_switch: bool,
    accept_loss: bool,
    force: bool,
    yes: bool,
    as_json: bool,
) -> None:
    r"""Rebuild the read models from the log while everything goes on.

    Fills a new version beside the live one, compares both by checksum, and switches by one row.
    The version before is kept up to date for 7 days: --back shows it again at once.

    \b
    Example: rollcall rebuild
    """
    if sum((back, switch_to is not None, drop is not None, listing, follow)) > 1:
        raise click.UsageError("Choose one of --back, --switch, --drop, --list and --follow.")
    told = _Told(as_json=as_json)
    if listing:
        _list(told)
    elif back or switch_to is not None:
        _switch(told, switch_to, force=force)
    elif drop is not None:
        _drop(told, drop, yes=yes)
    else:
        wanted = NewRebuild(actor=api.actor(), switch=not no_switch, accept_loss=accept_loss)
        _rebuild(told, None if follow else wanted)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a person is told before and after; programs get one document."""

    as_json: bool

    def say(self, words: str) -> None:
        if not self.as_json:
            console.print(words, soft_wrap=True, markup=False)

    def end(self, model: ReadModel, words: str) -> None:
        self.say(words)
        if self.as_json:
            print_json(model.model_dump(mode="json", by_alias=True))


def _rebuild(told: _Told, wanted: NewRebuild | None) -> None:
    """Begin a rebuild, unless one is to be followed, and stay with it to its end."""
    if wanted:
        told.say(_plan(api.call(Api.read_models), wanted))
    model = api.call(lambda client: _begin(client, wanted))
    told.say(
        f"Version {model.version}: {model.total:,} records to read. "
        "Ctrl-C ends this display only; --follow shows it again."
    )
    done = _followed(model)
    if done.state == "differing":
        raise CommandError(_differing(done))
    if done.state != "current":
        raise CommandError(f"Version {done.version} is {done.state}: {done.reason or 'given up'}.")
    told.end(done, _figures(done))


def _plan(models: Sequence[ReadModel], wanted: NewRebuild) -> str:
    live = next((f"version {one.version}" for one in models if one.is_live), "what is shown")
    end = (
        f"then it is shown, and {live} is kept for 7 days."
        if wanted.switch
        else "it is not shown until you say --switch."
    )
    return (
        f"A new version of the read models is filled from the log beside {live}, which goes on. "
        f"Both are compared; if they are equal, {end}"
    )


async def _begin(client: Api, wanted: NewRebuild | None) -> ReadModel:
    return await (client.start_rebuild(wanted) if wanted else client.current_rebuild())


def _differing(model: ReadModel) -> str:
    return (
        f"Version {model.version} is not equal to the live one: {model.reason}. Nothing was "
        f"switched. The log is what counts: if the live version is the damaged one, "
        f"`rollcall rebuild --switch {model.version} --force` shows the new one; otherwise keep "
        f"it to look at, and `rollcall rebuild --drop {model.version}` later."
    )


def _figures(model: ReadModel) -> str:
    seconds = ((model.filled_at or model.started_at) - model.started_at).total_seconds()
    rate = model.events / seconds if seconds else 0
    words = (
        f"{model.events:,} records in {seconds:.1f} s ({rate:,.0f} a second); "
        f"{model.compared:,} directories found equal."
    )
    if model.is_live:
        return f"{words}\nVersion {model.version} is live. `rollcall rebuild --back` undoes that."
    return f"{words}\n`rollcall rebuild --switch {model.version}` shows version {model.version}."


def _followed(model: ReadModel) -> ReadModel:
    """Show how far a version is until it is at its end."""
    columns = (
        TextColumn("{task.description:10}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}, {task.fields[rate]} a second"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=progress_console, transient=True) as bar:
        task = bar.add_task(model.state, total=max(model.total, 1), rate="0")
        meter = _Meter(bar, task, model.events, time.monotonic())
        return api.call(lambda client: _follow(client, model.version, meter.show))


@dataclass(frozen=True, slots=True)
class _Meter:
    """Shows how far a version is; the rate counts from when we began to look."""

    bar: Progress
    task: TaskID
    events: int
    since: float

    def show(self, model: ReadModel) -> None:
        read = (model.events, model.total)
        done, total = (model.compared, model.directories) if _is_comparing(model) else read
        rate = (model.events - self.events) / max(time.monotonic() - self.since, 0.001)
        self.bar.update(
            self.task,
            description=model.state,
            completed=done,
            total=max(total, 1),
            rate=f"{rate:,.0f}",
        )


def _is_comparing(model: ReadModel) -> bool:
    return model.state == "comparing"


async def _follow(client: Api, version: int, show: Callable[[ReadModel], None]) -> ReadModel:
    """Return the version once it is at its end: equal (and live, if that was wanted) or not."""
    switch_by = float("inf")
    while True:
        model = await client.current_rebuild()
        if model.version != version:
            raise CommandError(f"Version {version} was dropped meanwhile.")
        show(model)
        is_over = model.state not in _AT_WORK and not (model.state == "current" and model.switches)
        if is_over or time.monotonic() > switch_by:
            return model
        if model.state == "current":
            switch_by = min(switch_by, time.monotonic() + _SWITCH_WITHIN_S)
        await asyncio.sleep(_LOOK_EVERY_S)


def _switch(told: _Told, version: int | None, *, force: bool) -> None:
    models = api.call(Api.read_models)
    target = version if version is not None else _before(models)
    live = next((one.version for one in models if one.is_live), None)
    told.say(f"The portal will show version {target} instead of version {live}.")
    wanted = Switch(actor=api.actor(), force=force)
    model = api.call(lambda client: client.switch_read_model(target, wanted))
    told.end(model, f"Version {model.version} is live.")


def _before(models: Sequence[ReadModel]) -> int:
    """Return the version that was live last before this one."""
    kept = [one for one in models if one.kept_since and not one.is_live]
    if not kept:
        raise CommandError("There is no version to go back to; `rollcall rebuild` makes a new one.")
    return max(kept, key=lambda one: one.kept_since or one.started_at).version


def _drop(told: _Told, version: int, *, yes: bool) -> None:
    told.say(f"Version {version} will be removed. After that nobody can switch to it any more.")
    if not yes:
        if told.as_json:
            raise CommandError("This cannot be undone; say --yes as well.")
        click.confirm("Remove it?", abort=True)
    api.call(lambda client: client.drop_read_model(version, Act(actor=api.actor())))
    told.say(f"Version {version} is dropped; its tables are gone within seconds.")
    if told.as_json:
        print_json({"version": version, "state": "dropped"})


def _list(told: _Told) -> None:
    models = api.call(Api.read_models)
    if told.as_json:
        print_json([one.model_dump(mode="json", by_alias=True) for one in models])
        return
    rows = [
        (str(one.version), "live" if one.is_live else one.state, f"{one.started_at:%Y-%m-%d %H:%M}",
         one.reason or "")
        for one in models
    ]  # fmt: skip
    print_table("Read models", ("version", "state", "made", "note"), rows)
