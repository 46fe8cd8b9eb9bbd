"""`rollcall mapping`: which groups grant which roles, in what order, and to whom by default."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, ParamSpec, TypeVar

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

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
from cli.roles import reason_in_words
from shared.contracts.management import (
    DefaultRole,
    Held,
    KnownGroup,
    Mapping,
    MappingEdit,
    MappingPreview,
    MappingRow,
)
from shared.contracts.role_events import Strategy

P = ParamSpec("P")
R = TypeVar("R")
_NONE = "none"
_LOOK_EVERY_S = 0.5
_STRATEGIES: dict[str, Strategy] = {"union": "union", "first-match": "first_match"}


def _options(command: Callable[P, R]) -> Callable[P, R]:
    """Add what a mapping says beside its rows."""
    for option in (
        click.option("--version", type=click.IntRange(0), help="Only over this stored version."),
        click.option(
            "--strategy", type=click.Choice([*_STRATEGIES]),
            help="Whether every row counts, or the first one whose group the user is in.",
        ),
        click.option(
            "--default-role", metavar="KEY",
            help=f"Give this role to active users without a group; {_NONE!r} takes it away.",
        ),
        click.option(
            "--confirm-default", metavar="NAME",
            help="The name of a privileged default role once more, to confirm it.",
        ),
        click.option(
            "--losing", metavar="KEY", multiple=True,
            help="Confirm that nobody may hold this privileged role any more by it.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def _waiting(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--no-wait`."""
    words = "Do not wait until everybody has been reached."
    return click.option("--no-wait", is_flag=True, help=words)(command)


@click.group()
def mapping() -> None:
    """Say which groups grant which roles."""


@mapping.command("set")
@click.argument("directory")
@click.argument("rows", nargs=-1, metavar="GROUP=ROLE...")
@_options
@click.option("--yes", is_flag=True, help="Whatever it takes away, it is meant.")
@_waiting
@json_option
def set_mapping(directory: str, rows: Sequence[str], *, as_json: bool, **options: Any) -> None:
    r"""Make the mapping of DIRECTORY exactly these rows; without rows nobody holds a role by it.

    DIRECTORY is an id or a name, GROUP a display name or an id, ROLE a key. Under first-match the
    rows are in order. What no option says stays as it is. A save that concerns more than some
    hundred users reaches them one after the other, and goes on by itself.

    \b
    Example: rollcall mapping set "Globex OneLogin" Admins=admin "Night shift=editor"
    """

    async def work(client: Api) -> Mapping:
        key, edit = await _edit(client, directory, rows, options)
        if options["yes"]:
            shown = await client.preview_mapping(key, edit)
            edit = edit.model_copy(update={"effect": shown.effect})
        saved = await client.save_mapping(key, edit)
        return saved if options["no_wait"] else await _applied(client, saved)

    _print_mapping(api.call(work), as_json=as_json)


async def _applied(client: Api, saved: Mapping) -> Mapping:
    """Return the mapping once it has reached everybody; show how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=progress_console, transient=True) as bar:
        task = bar.add_task("applying", total=None)
        while applying := saved.applying:
            bar.update(task, completed=applying.done, total=applying.total)
            await asyncio.sleep(_LOOK_EVERY_S)
            saved = await client.mapping(saved.directory_id)
    return saved


@mapping.command()
@click.argument("directory")
@click.argument("rows", nargs=-1, metavar="GROUP=ROLE...")
@_options
@json_option
def preview(directory: str, rows: Sequence[str], *, as_json: bool, **options: Any) -> None:
    r"""Say who would gain and lose what if `mapping set` was given the same; nothing is saved.

    \b
    Example: rollcall mapping preview "Globex OneLogin" Admins=admin --default-role viewer
    """

    async def work(client: Api) -> MappingPreview:
        key, edit = await _edit(client, directory, rows, options)
        return await client.preview_mapping(key, edit)

    _print_preview(api.call(work), as_json=as_json)


@mapping.command()
@click.argument("directory")
@click.option("--keep", "held", flag_value="keep", help="What is held stays, given by hand.")
@click.option("--revoke", "held", flag_value="revoke", help="What is held is lost.")
@click.option("--losing", metavar="KEY", multiple=True, help="As for `mapping set`.")
@click.option("--preview", "only_shows", is_flag=True, help="Say what would happen, and stop.")
@_waiting
@json_option
def off(directory: str, held: Held | None, losing: Sequence[str], **flags: bool) -> None:
    r"""Switch the mapping of DIRECTORY off: its rows stay, and grant nothing.

    \b
    Example: rollcall mapping off "Globex OneLogin" --keep
    """
    if held is None:
        raise click.UsageError(
            "Say what becomes of the roles that are held through the mapping: --keep (given by "
            "hand) or --revoke."
        )
    _switch(directory, _Switch(False, held, losing), **flags)


@mapping.command()
@click.argument("directory")
@click.option("--keep", "held", flag_value="keep", help="What was kept by hand stays so.")
@click.option("--revoke", "held", flag_value="revoke", help="The mapping alone decides.")
@click.option("--losing", metavar="KEY", multiple=True, help="As for `mapping set`.")
@click.option("--preview", "only_shows", is_flag=True, help="Say what would happen, and stop.")
@_waiting
@json_option
def on(directory: str, held: Held | None, losing: Sequence[str], **flags: bool) -> None:
    r"""Switch the mapping of DIRECTORY on again.

    \b
    Example: rollcall mapping on "Globex OneLogin" --revoke
    """
    _switch(directory, _Switch(True, held, losing), **flags)


class _Switch(NamedTuple):
    is_on: bool
    held: Held | None
    losing: Sequence[str]

    def edit(self, current: Mapping) -> MappingEdit:
        rows = [MappingRow(group_id=row.group_id, role=row.role) for row in current.rows]
        return MappingEdit(
            version=current.version,
            rows=rows,
            enabled=self.is_on,
            held=self.held,
            losses=[*self.losing],
            actor=api.actor(),
        )


def _switch(
    directory: str, switch: _Switch, *, only_shows: bool, no_wait: bool, as_json: bool
) -> None:
    async def found(client: Api) -> tuple[str, MappingEdit]:
        key = (await client.find_directory(directory)).id
        return key, switch.edit(await client.mapping(key))

    async def show(client: Api) -> MappingPreview:
        return await client.preview_mapping(*await found(client))

    async def save(client: Api) -> Mapping:
        saved = await client.save_mapping(*await found(client))
        return saved if no_wait else await _applied(client, saved)

    if only_shows:
        _print_preview(api.call(show), as_json=as_json)
    else:
        _print_mapping(api.call(save), as_json=as_json)


def _print_preview(found: MappingPreview, *, as_json: bool) -> None:
    if as_json:
        print_json(found.model_dump(mode="json", by_alias=True))
        return
    kept = f", {found.keeping:,} keep theirs by hand" if found.keeping else ""
    console.print(
        f"{found.gaining:,} users would gain roles, {found.losing:,} lose some, "
        f"{found.changing:,} gain and lose{kept}. Nothing was saved.",
        soft_wrap=True,
    )
    for role in found.losses:
        console.print(
            f"Nobody would hold {role.name} any more, which is privileged: to save this, add "
            f"--losing {role.key}.",
            soft_wrap=True,
        )
    table = [
        (one.user.user_name, verb, held.role.name, reason_in_words(held.reason))
        for one in found.users
        for verb, listed in (("gains", one.gains), ("loses", one.loses))
        for held in listed
    ]
    table += [(one.user.user_name, "keeps", role.name, "by hand")
              for one in found.users for role in one.keeps]  # fmt: skip
    if table:
        print_table("Changes", ("user", "", "role", "why"), table)


async def _edit(
    client: Api, directory: str, rows: Sequence[str], options: dict[str, Any]
) -> tuple[str, MappingEdit]:
    found = await client.find_directory(directory)
    groups = await client.groups(found.id)
    wanted = [_row(text, groups) for text in rows]
    version = options["version"]
    if version is None:
        version = (await client.mapping(found.id)).version
    return found.id, MappingEdit(
        version=version,
        rows=wanted,
        strategy=_STRATEGIES.get(options["strategy"] or ""),
        default=_default(options["default_role"], options["confirm_default"]),
        losses=[*options["losing"]],
        actor=api.actor(),
    )


def _default(role: str | None, confirmed: str | None) -> DefaultRole | None:
    if role is None:
        return None
    return DefaultRole(role=None if role == _NONE else role, confirmed_name=confirmed)


def _row(text: str, groups: Iterable[KnownGroup]) -> MappingRow:
    name, separator, role = text.rpartition("=")
    if not separator or not name or not role:
        raise click.UsageError(f"{text!r} is not GROUP=ROLE.")
    found = [one for one in groups if name == one.id or name.lower() == one.display_name.lower()]
    if not found:
        known = ", ".join(sorted(group.display_name for group in groups)[:20]) or "none yet"
        raise CommandError(f"There is no group {name!r} in this directory. Its groups: {known}.")
    return MappingRow(group_id=found[0].id, role=role)


@mapping.command()
@click.argument("directory")
@json_option
def show(directory: str, *, as_json: bool) -> None:
    r"""Show the mapping of DIRECTORY.

    \b
    Example: rollcall mapping show "Globex OneLogin"
    """

    async def work(client: Api) -> Mapping:
        return await client.mapping((await client.find_directory(directory)).id)

    _print_mapping(api.call(work), as_json=as_json)


def _print_mapping(found: Mapping, *, as_json: bool) -> None:
    if as_json:
        print_json(found.model_dump(mode="json", by_alias=True))
        return
    is_ordered = found.strategy == "first_match"
    places = {group: str(place) for place, group in
              enumerate(dict.fromkeys(row.group_id for row in found.rows), 1)}  # fmt: skip
    rows = [
        (
            *([places[row.group_id]] if is_ordered else []),
            row.group_name + (" (deleted)" if row.group_deleted else ""),
            row.role,
            row.role_name,
        )
        for row in found.rows
    ]
    columns = (*(["order"] if is_ordered else []), "group", "role", "name")
    print_table(f"Mapping, version {found.version}", columns, rows)
    for line in _options_in_words(found):
        console.print(line, soft_wrap=True)


def _options_in_words(found: Mapping) -> Iterable[str]:
    if found.applying:
        yield f"Applying {found.applying.done:,} of {found.applying.total:,}."
    if not found.enabled:
        yield f"Switched off: it grants nothing. {found.kept:,} roles are kept by hand."
    if found.strategy == "first_match":
        yield "The first group in this order that a user is in decides, by all its rows."
    if found.default_role:
        whose = "users whom no row matches" if found.strategy == "first_match" else "active users"
        yield f"{found.default_role.name} is the default role of {whose}."
