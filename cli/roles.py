"""`rollcall roles`, `explain`: what the application knows, who holds it, and why."""

import asyncio
from datetime import UTC, datetime, time

import click

from cli import api
from cli.api import Api
from cli.output import console, json_option, print_json, print_table, progress_console
from cli.running import run_service
from shared.contracts.directory_events import Cause
from shared.contracts.management import (
    Act,
    AssignmentPage,
    AssignmentQuery,
    ExplainedRole,
    Explanation,
    ManualAssignment,
    PastAssignment,
    Role,
    RoleDeclaration,
    RoleRemoval,
)
from shared.contracts.role_events import Reason

_LOOK_EVERY_S = 0.5


@click.group(invoke_without_command=True)
@click.option("--json", "json_logs", is_flag=True, help="Run the service with logs as JSON.")
@click.pass_context
def roles(context: click.Context, *, json_logs: bool) -> None:
    r"""Declare the roles of the application; alone: run the service that assigns them.

    \b
    Example: rollcall roles declare admin --name Administrator
    """
    if context.invoked_subcommand is None:
        run_service("roles", json_logs=json_logs)


@roles.command()
@click.argument("key")
@click.option("--name", required=True, help="What people read.")
@click.option("--description", default="", help="What it allows.")
@click.option("--privileged", is_flag=True, help="Guarded against being lost or given by mistake.")
@json_option
def declare(key: str, name: str, description: str, *, privileged: bool, as_json: bool) -> None:
    r"""Declare the role KEY, or change what it is called.

    \b
    Example: rollcall roles declare admin --name Administrator --privileged
    """
    wanted = RoleDeclaration(name=name, description=description, privileged=privileged)
    role = api.call(lambda client: client.declare_role(key, wanted))
    if as_json:
        print_json(role.model_dump(mode="json", by_alias=True))
    else:
        console.print(f"Role {role.key} ({role.name}) is declared.")


@roles.command("list")
@json_option
def list_roles(*, as_json: bool) -> None:
    r"""List the roles that are declared.

    \b
    Example: rollcall roles list
    """
    found = api.call(lambda client: client.roles())
    if as_json:
        print_json([role.model_dump(mode="json", by_alias=True) for role in found])
        return
    rows = [(role.key, role.name, _rank(role), role.description) for role in found]
    print_table("Roles", ("key", "name", "rank", "description"), rows)


def _rank(role: Role) -> str:
    return "leaving" if role.leaving else "privileged" if role.privileged else ""


@roles.command("remove")
@click.argument("key")
@click.option("--replacement", metavar="KEY", help="Grant this role wherever the other was.")
@json_option
def remove_role(key: str, replacement: str | None, *, as_json: bool) -> None:
    r"""Remove a role; refused while groups grant it, unless another takes its place.

    \b
    Example: rollcall roles remove auditor --replacement viewer
    """
    wanted = RoleRemoval(actor=api.actor(), replacement=replacement)

    async def work(client: Api) -> None:
        await client.remove_role(key, wanted)
        with progress_console.status("waiting until nobody holds it"):
            while any(role.key == key and role.leaving for role in await client.roles()):
                await asyncio.sleep(_LOOK_EVERY_S)

    api.call(work)
    if as_json:
        print_json({"removed": key, "replacement": replacement})
        return
    console.print(f"{key} is removed." + (f" {replacement} took its place." if replacement else ""))


@roles.command()
@click.argument("directory")
@click.argument("user")
@click.argument("role")
@json_option
def assign(directory: str, user: str, role: str, *, as_json: bool) -> None:
    r"""Give USER (an id or a user name) the ROLE in DIRECTORY by hand; the sync never takes it.

    \b
    Example: rollcall roles assign "Globex OneLogin" mira.kovac@globex.test auditor
    """

    async def work(client: Api) -> ManualAssignment:
        found = await client.find_directory(directory)
        return await client.assign(found.id, user, role, Act(actor=api.actor()))

    found = api.call(work)
    if as_json:
        print_json(found.model_dump(mode="json", by_alias=True))
        return
    rests = "" if found.is_held else " It is held once the user is active."
    console.print(
        f"{found.user.user_name} is given {found.role.name} by hand.{rests}", soft_wrap=True
    )


@roles.command()
@click.argument("directory")
@click.argument("user")
@click.argument("role")
@json_option
def unassign(directory: str, user: str, role: str, *, as_json: bool) -> None:
    r"""Take back the ROLE that USER was given by hand in DIRECTORY.

    \b
    Example: rollcall roles unassign "Globex OneLogin" mira.kovac@globex.test auditor
    """

    async def work(client: Api) -> None:
        found = await client.find_directory(directory)
        await client.unassign(found.id, user, role, Act(actor=api.actor()))

    api.call(work)
    if as_json:
        print_json({"unassigned": role, "user": user})
        return
    console.print(f"{role} is no longer given to {user} by hand.", soft_wrap=True)


@roles.command("held")
@click.argument("directory")
@click.option(
    "--at",
    metavar="DATE",
    help="A date, whose end is meant, or a time, in UTC unless it says otherwise. Now without it.",
)
@click.option("--user", help="Only this one, by id or user name.")
@click.option("--role", help="Only this one, by key.")
@json_option
def list_held(
    directory: str, at: str | None, user: str | None, role: str | None, *, as_json: bool
) -> None:
    r"""List who held which role in DIRECTORY on a date, and why.

    \b
    Example: rollcall roles held "Globex OneLogin" --at 2026-03-02 --role admin
    """
    wanted = AssignmentQuery(at=_moment(at), user=user, role=role, limit=1000)

    async def work(client: Api) -> list[AssignmentPage]:
        key = (await client.find_directory(directory)).id
        pages = [await client.assignments(key, wanted)]
        while pages[-1].next:
            # All pages are of the moment of the first.
            following = {"at": pages[0].at, "after": pages[-1].next}
            pages.append(await client.assignments(key, wanted.model_copy(update=following)))
        return pages

    pages = api.call(work)
    held = [one for page in pages for one in page.items]
    if as_json:
        print_json([one.model_dump(mode="json", by_alias=True) for one in held])
        return
    title = f"Held at {pages[0].at:%Y-%m-%d %H:%M:%S} UTC"
    columns = ("user", "role", "through", "since")
    print_table(title, columns, [_past(one) for one in held])


def _moment(typed: str | None) -> datetime | None:
    """Return the moment that was typed; of a date alone the last microsecond."""
    if typed is None:
        return None
    try:
        found = datetime.fromisoformat(typed)
    except ValueError as error:
        raise click.UsageError(
            f"{typed!r} is no date; write one like 2026-03-02 or 2026-03-02T14:30."
        ) from error
    if len(typed) == len("2026-03-02"):
        found = datetime.combine(found, time.max)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _past(one: PastAssignment) -> tuple[str, str, str, str]:
    return (
        one.user_name,
        one.role.name,
        reason_in_words(one.reason),
        f"{one.since:%Y-%m-%d %H:%M:%S} UTC",
    )


@click.command()
@click.argument("directory")
@click.argument("user")
@click.option("--role", help="Only this role, by key: why it is held, or what is missing.")
@json_option
def explain(directory: str, user: str, role: str | None, *, as_json: bool) -> None:
    r"""Say why USER (an id or a user name) holds its roles in DIRECTORY, or does not.

    \b
    Example: rollcall explain "Globex OneLogin" mira.kovac@globex.test --role admin
    """

    async def work(client: Api) -> Explanation:
        return await client.explain((await client.find_directory(directory)).id, user, role)

    found = api.call(work)
    if as_json:
        print_json(found.model_dump(mode="json", by_alias=True))
        return
    name = found.user.user_name
    for held in found.roles:
        console.print(f"{name} is {_because(held)}.", soft_wrap=True)
    if found.missing:
        lacks = f"does not hold {role}" if role else "holds no role"
        console.print(f"{name} {lacks}. {found.missing}", soft_wrap=True)


def _because(role: ExplainedRole) -> str:
    since = f"{role.since:%Y-%m-%d %H:%M:%S}"
    return (
        f"{role.role.name} {reason_in_words(role.reason)}, since {since} UTC, by {_act(role.cause)}"
        + _by_hand(role)
        + _fenced(role)
    )


def _fenced(role: ExplainedRole) -> str:
    if role.fenced_since is None:
        return ""
    since = f"{role.fenced_since:%Y-%m-%d %H:%M:%S} UTC"
    return f"; nothing grants it any more, its loss is held by the fence since {since}"


def _by_hand(role: ExplainedRole) -> str:
    if role.manual is None:
        return ""
    given = role.manual
    return (
        f"; by hand since {given.since:%Y-%m-%d %H:%M:%S} UTC, by {given.cause.actor or 'somebody'}"
    )


def _act(cause: Cause) -> str:
    kinds = {"scim": "request", "mapping": "saved mapping", "administrator": "act"}
    return f"{kinds.get(cause.kind, cause.kind)} {cause.id}"


def reason_in_words(reason: Reason) -> str:
    """Say what grants a role."""
    groups = " and ".join(group.display_name for group in reason.groups)
    words = {"group": f"through {groups}", "default": "by default", "manual": "by hand"}
    return " and ".join(words.get(kind, kind) for kind in reason.kinds)
