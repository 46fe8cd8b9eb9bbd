"""`rollcall roles`, `mapping`, `explain`: what the application knows, who gets it, and why."""

from collections.abc import Iterable, Sequence

import click

from cli import api
from cli.api import Api
from cli.output import CommandError, console, json_option, print_json, print_table
from cli.services import run_service
from shared.contracts.management import (
    ExplainedRole,
    Explanation,
    KnownGroup,
    Mapping,
    MappingEdit,
    MappingRow,
    RoleDeclaration,
)


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
    rows = [
        (role.key, role.name, "privileged" if role.privileged else "", role.description)
        for role in found
    ]
    print_table("Roles", ("key", "name", "rank", "description"), rows)


@click.group()
def mapping() -> None:
    """Say which groups grant which roles."""


@mapping.command("set")
@click.argument("directory")
@click.argument("rows", nargs=-1, metavar="GROUP=ROLE...")
@json_option
def set_mapping(directory: str, rows: Sequence[str], *, as_json: bool) -> None:
    r"""Make the mapping of DIRECTORY exactly these rows; without rows nobody holds a role by it.

    DIRECTORY is an id or a name, GROUP a display name or an id, ROLE a key.

    \b
    Example: rollcall mapping set "Globex OneLogin" Admins=admin "Night shift=editor"
    """

    async def work(client: Api) -> Mapping:
        found = await client.find_directory(directory)
        groups = await client.groups(found.id)
        wanted = [_row(text, groups) for text in rows]
        current = await client.mapping(found.id)
        edit = MappingEdit(version=current.version, rows=wanted, actor="command line")
        return await client.save_mapping(found.id, edit)

    _print_mapping(api.call(work), as_json=as_json)


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
    rows = [
        (row.group_name + (" (deleted)" if row.group_deleted else ""), row.role, row.role_name)
        for row in found.rows
    ]
    print_table(f"Mapping, version {found.version}", ("group", "role", "name"), rows)


@click.command()
@click.argument("directory")
@click.argument("user")
@json_option
def explain(directory: str, user: str, *, as_json: bool) -> None:
    r"""Say why USER (an id or a user name) holds its roles in DIRECTORY.

    \b
    Example: rollcall explain "Globex OneLogin" mira.kovac@globex.test
    """

    async def work(client: Api) -> Explanation:
        return await client.explain((await client.find_directory(directory)).id, user)

    found = api.call(work)
    if as_json:
        print_json(found.model_dump(mode="json", by_alias=True))
        return
    for role in found.roles:
        console.print(f"{found.user.user_name} is {_because(role)}.", soft_wrap=True)
    if found.missing:
        console.print(f"{found.user.user_name} holds no role. {found.missing}", soft_wrap=True)


def _because(role: ExplainedRole) -> str:
    groups = " and ".join(group.display_name for group in role.reason.groups)
    act = {"scim": "request", "mapping": "saved mapping"}.get(role.cause.kind, role.cause.kind)
    through = f" through {groups}" if groups else f" ({role.reason.kind})"
    since = f"{role.since:%Y-%m-%d %H:%M:%S}"
    return f"{role.role.name}{through}, since {since} UTC, by {act} {role.cause.id}"
