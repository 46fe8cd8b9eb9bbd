"""`rollcall erase`: forgetting a person who asked for it (ADR 0033)."""

import asyncio
import time
from collections.abc import Sequence

import click

from cli import api
from cli.api import Api
from cli.output import CommandError, console, json_option, print_json, progress_console
from shared.contracts.management import Act, AssignmentQuery, KnownUser

_LOOK_EVERY_S = 0.3
_WITHIN_S = 60.0


@click.command()
@click.argument("directory")
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do erase; it cannot be undone.")
@json_option
def erase(directory: str, user: str, *, yes: bool, as_json: bool) -> None:
    r"""Forget USER (id or userName), deleted from DIRECTORY before, in all that is stored.

    Without --yes this only says who that is. What Kafka keeps of its past is not changed.

    \b
    Example: rollcall erase "Globex OneLogin" mira@globex.test --yes
    """

    async def work(client: Api) -> list[KnownUser]:
        key = (await client.find_directory(directory)).id
        found = await client.known_users(key, user)
        await _refuse(client, key, user, found)
        _say(found)
        if not yes:
            raise CommandError("Nothing was changed. Repeat with --yes to erase.")
        for one in found:
            await client.erase(key, one.id, Act(actor=api.actor()))
        await _until_forgotten(client, key, user)
        return found

    erased = api.call(work)
    if as_json:
        print_json({"erased": [one.id for one in erased]})
    else:
        console.print("Erased: the read models know nobody of that name or id any more.")


async def _refuse(client: Api, directory: str, user: str, found: Sequence[KnownUser]) -> None:
    """Raise CommandError for whoever is unknown, still there, or not let go yet."""
    if not found:
        raise CommandError(f"Nothing is stored of a user {user!r} in this directory.")
    for one in found:
        if one.deleted_at is None:
            raise CommandError(
                f"{one.user_name} ({one.id}) is in the directory: let the provider delete it first."
            )
        held = await client.assignments(directory, AssignmentQuery(user=one.id, limit=1))
        if held.items:
            raise CommandError(
                f"{one.user_name} ({one.id}) still holds {held.items[0].role.key}: its loss waits "
                "behind the fence; see `rollcall fence show`."
            )


def _say(found: Sequence[KnownUser]) -> None:
    for one in found:
        progress_console.print(
            f"{one.user_name} ({one.id}), deleted {one.deleted_at:%Y-%m-%d %H:%M:%S} UTC: its data "
            f"goes, and what {one.events} events say of it; that they happened stays, by its id.",
            soft_wrap=True,
            markup=False,
        )


async def _until_forgotten(client: Api, directory: str, user: str) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while await client.known_users(directory, user):
        if time.monotonic() > deadline:
            raise CommandError(
                "It was told, and the read models have not come so far; see `rollcall parked`. "
                "They forget once they read it."
            )
        await asyncio.sleep(_LOOK_EVERY_S)
