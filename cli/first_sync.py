"""`rollcall first-sync`: whether an installation works, from its readiness to a role event.

    ready → connect a directory → OneLogin, played → map its first group to a role → verify

Each part is a command of its own as well; this is all of them, for who has just installed Rollcall.
"""

import asyncio
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import click

from cli import addresses, api
from cli.addresses import Addresses
from cli.api import Api
from cli.output import CommandError, console, json_option, print_json
from cli.simulate import people
from cli.simulate.command import play
from cli.simulate.connection import Connection
from cli.verify import command as checkers
from cli.verify.journal import Journal
from shared.contracts.management import (
    Directory,
    MappingEdit,
    MappingRow,
    NewDirectory,
    NewLink,
    RoleDeclaration,
)

_SERVICES = ("ingest", "roles", "projector", "portal")
_ORGANIZATION = "First sync"
_ROLE = "first-sync"
_LOOK_EVERY_S = 0.5
_ANSWER_WITHIN = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True)
class _Connected:
    directory: Directory
    token: str


@click.command("first-sync")
@click.option("--users", type=click.IntRange(1), default=20, show_default=True)
@click.option("--groups", type=click.IntRange(1), default=4, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same company.")
@click.option("--within", type=click.FloatRange(0), default=120, show_default=True,
              help="Seconds to wait for the services, and for what is on its way.")  # fmt: skip
@json_option
def first_sync(users: int, groups: int, seed: int, within: float, *, as_json: bool) -> None:
    r"""Wait until every service is ready, let the simulator sync a new directory, and verify.

    The directory belongs to the organization "First sync", its first group grants the role
    first-sync; both stay. Exit code 1 when something does not hold.

    \b
    Example: rollcall first-sync
    """
    known = addresses.find()
    told: dict[str, Any] = {"ready_after_s": _timed(_until_ready(known, within))}
    _say(f"ready      {', '.join(_SERVICES)}, after {told['ready_after_s']} s", as_json=as_json)
    connected = api.call(_connect)
    told |= {"directory": connected.directory.id, "organization": _ORGANIZATION}
    steps = people.plan(users=users, groups=groups, days=0, seed=seed)
    told["sync"] = played = play(_connection(known, connected), "stock", steps)
    _refuse(f"{played['refusals']} requests were refused.", when=bool(played["refusals"]))
    count = sum(played["requests"].values())
    _say(f"synced     {users} users in {count} requests, {played['duration_s']} s", as_json=as_json)
    _verified(connected, within)  # what was sent has reached everybody, so the next figure is final
    group = played["groups"][0]
    told["holders"] = api.call(lambda client: _map(client, connected, group))
    _say(f"mapped     {group} grants {_ROLE} to {told['holders']} of them", as_json=as_json)
    told["checksum"] = _verified(connected, within)
    _say(
        f"verified   stored state, log, roles and views agree: {told['checksum']}", as_json=as_json
    )
    link = api.call(lambda client: client.link(NewLink(kind="operator")))
    told["sign_in"] = link.url
    if as_json:
        print_json(told)
    _say(f"sign in    {link.url}", as_json=as_json)


def _say(line: str, *, as_json: bool) -> None:
    if not as_json:
        console.print(line, soft_wrap=True, markup=False)


def _refuse(words: str, *, when: bool) -> None:
    if when:
        raise CommandError(words)


def _timed(work: Any) -> float:
    started = time.monotonic()
    asyncio.run(work)
    return round(time.monotonic() - started, 1)


async def _until_ready(known: Addresses, within_s: float) -> None:
    """Return once each service says that it is ready. Raises CommandError with its reason."""
    deadline = time.monotonic() + within_s
    async with aiohttp.ClientSession(timeout=_ANSWER_WITHIN) as session:
        for name in _SERVICES:
            base = known.of(name).rstrip("/")
            while reason := await _why_not(session, base):
                if time.monotonic() > deadline:
                    raise CommandError(f"{name} at {base} is not ready: {reason}.")
                await asyncio.sleep(_LOOK_EVERY_S)


async def _why_not(session: aiohttp.ClientSession, base: str) -> str:
    """Return why a service is not ready; nothing when it is."""
    try:
        async with session.get(f"{base}/readyz") as answer:
            if answer.status == HTTPStatus.OK:
                return ""
            return ", ".join((await answer.json())["faults"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
        return f"it does not answer ({type(error).__name__})"


async def _connect(client: Api) -> _Connected:
    owner = await client.organization(_ORGANIZATION)
    name = f"First sync {time.strftime('%Y-%m-%d %H:%M:%S')}"
    wanted = NewDirectory(organization_id=owner.id, name=name, provider="onelogin")
    made = await client.create_directory(wanted)
    return _Connected(made, (await client.issue_token(made.id)).value)


def _connection(known: Addresses, connected: _Connected) -> Connection:
    # The public address may be a way round the world that does not lead in from here.
    path = urlsplit(connected.directory.endpoint).path
    return Connection(f"{known.of('ingest').rstrip('/')}{path}", connected.token)


async def _map(client: Api, connected: _Connected, name: str) -> int:
    """Let a group grant the role; return how many hold the role by it."""
    await client.declare_role(_ROLE, RoleDeclaration(name="First sync"))
    directory = connected.directory.id
    [group] = [one for one in await client.groups(directory) if one.display_name == name]
    current = await client.mapping(directory)
    rows = [MappingRow(group_id=group.id, role=_ROLE)]
    edit = MappingEdit(version=current.version, rows=rows, actor=api.actor())
    preview = await client.preview_mapping(directory, edit)
    await client.save_mapping(directory, edit)
    return preview.gaining


def _verified(connected: _Connected, within_s: float) -> str:
    """Return the checksum of the directory. Raises CommandError when something does not hold."""
    wanted = checkers.wanted_of(within_s, connected.directory.id)
    report = checkers.watched(wanted, Journal())
    faults = [finding.sentence for one in report.findings.values() for finding in one]
    _refuse("; ".join(faults), when=report.exit_code != 0)
    return f"{report.checksum:032x}"
