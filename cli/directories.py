"""`rollcall directories`, `rollcall portal-link`: connections, and who may look at them."""

from typing import get_args

import click

from cli import api
from cli.api import Api, Turn
from cli.output import CommandError, console, json_option, print_json, print_table
from shared.contracts.management import (
    Directory,
    IssuedToken,
    Link,
    NewDirectory,
    NewLink,
    Provider,
)

DEFAULT_ORGANIZATION = "Example"


@click.group()
def directories() -> None:
    """Connect organizations to their identity providers."""


@directories.command()
@click.argument("name")
@click.option("--provider", type=click.Choice(get_args(Provider)), default="onelogin",
              show_default=True)  # fmt: skip
@click.option(
    "--organization",
    default=DEFAULT_ORGANIZATION,
    show_default=True,
    help="The customer, by name; made if it is missing.",
)
@json_option
def create(name: str, provider: Provider, organization: str, *, as_json: bool) -> None:
    r"""Create a directory and its bearer token, which is shown this once.

    \b
    Example: rollcall directories create "Globex OneLogin" --provider onelogin
    """

    async def work(client: Api) -> tuple[Directory, IssuedToken]:
        owner = await client.organization(organization)
        wanted = NewDirectory(organization_id=owner.id, name=name, provider=provider)
        made = await client.create_directory(wanted)
        return made, await client.issue_token(made.id)

    made, token = api.call(work)
    if as_json:
        print_json({
            "id": made.id,
            "organization": made.organization_id,
            "endpoint": made.endpoint,
            "token": token.value,
        })  # fmt: skip
        return
    console.print(f"Directory   {made.id}")
    console.print(f"Endpoint    {made.endpoint}", soft_wrap=True)
    console.print(f"Token       {token.value}", soft_wrap=True)
    console.print("\nPaste endpoint and token into the provider now: the token is not shown again.")


@directories.command("list")
@json_option
def list_directories(*, as_json: bool) -> None:
    r"""List all directories.

    \b
    Example: rollcall directories list --json
    """
    found = api.call(lambda client: client.directories())
    if as_json:
        print_json([one.model_dump(mode="json", by_alias=True) for one in found])
        return
    rows = [(one.id, one.name, one.provider, one.state, one.endpoint) for one in found]
    print_table("Directories", ("id", "name", "provider", "state", "endpoint"), rows)


@directories.command()
@click.argument("directory")
@json_option
def pause(directory: str, *, as_json: bool) -> None:
    r"""Refuse what the provider of DIRECTORY sends, until it is resumed.

    Users keep the roles they hold, also those who leave meanwhile. Nothing is deleted.

    \b
    Example: rollcall directories pause "Globex OneLogin"
    """
    _turned(directory, "pause", as_json=as_json)


@directories.command()
@click.argument("directory")
@json_option
def resume(directory: str, *, as_json: bool) -> None:
    r"""Take again what the provider of DIRECTORY sends.

    \b
    Example: rollcall directories resume "Globex OneLogin"
    """
    _turned(directory, "resume", as_json=as_json)


def _turned(wanted: str, turn: Turn, *, as_json: bool) -> None:
    async def work(client: Api) -> Directory:
        found = await client.find_directory(wanted)
        return await client.turn_directory(found.id, turn, api.actor())

    done = api.call(work)
    if as_json:
        print_json(done.model_dump(mode="json", by_alias=True))
        return
    console.print(f"Directory {done.name} is {done.state}.", soft_wrap=True)


@directories.command()
@click.argument("directory")
@click.option("--confirm", metavar="NAME", help="Its name, rather than to be asked for it.")
@json_option
def delete(directory: str, *, confirm: str | None, as_json: bool) -> None:
    r"""Delete DIRECTORY for good: everybody loses the roles of it, and its tokens end.

    It is told twice: which one, and then its name. It must have been paused for half a minute.

    \b
    Example: rollcall directories delete 0b1d2c3e-... --confirm "Globex OneLogin"
    """
    found = api.call(lambda client: client.find_directory(directory))
    typed = confirm or click.prompt(
        f"Everybody loses the roles of {found.name}; it cannot be undone. Type its name", err=True
    )
    if typed != found.name:
        raise CommandError(f"Nothing was deleted: the directory is called {found.name!r}.")
    api.call(lambda client: client.delete_directory(found.id, api.actor()))
    if as_json:
        print_json({"id": found.id, "state": "deleted"})
        return
    console.print(
        f"Directory {found.name} is deleted; its roles go within moments.", soft_wrap=True
    )


@click.command("portal-link")
@click.argument("organization", required=False)
@click.option("--operator", is_flag=True, help="For an operator, who sees all organizations.")
@json_option
def portal_link(organization: str | None, *, operator: bool, as_json: bool) -> None:
    r"""Print a sign-in link to the portal for ORGANIZATION (by name or id), or an operator.

    \b
    Example: rollcall portal-link Example
    """
    if operator == (organization is not None):
        raise click.UsageError("Give an organization, or --operator.")

    async def work(client: Api) -> Link:
        if organization is None:
            return await client.link(NewLink(kind="operator"))
        found = [one for one in await client.organizations() if organization in {one.id, one.name}]
        if not found:
            raise CommandError(
                f"There is no organization {organization!r}; "
                "`rollcall directories create --organization NAME` makes one."
            )
        return await client.link(NewLink(kind="invitation", organization_id=found[0].id))

    link = api.call(work)
    if as_json:
        print_json(link.model_dump(mode="json", by_alias=True))
    else:
        console.print(link.url, soft_wrap=True)
