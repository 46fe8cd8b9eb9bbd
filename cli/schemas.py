"""`rollcall schemas`: the extension schemas that a directory declares."""

import json
from typing import Any, TextIO, get_args

import click
from pydantic import ValidationError

from cli import api
from cli.api import Api
from cli.output import CommandError, console, json_option, print_json, print_table
from shared.contracts.schemas import DeclaredSchema, NewSchema, ResourceTypeName
from shared.web import describe


@click.group()
def schemas() -> None:
    """Declare what else a directory's users and groups have."""


@schemas.command("list")
@click.argument("directory")
@json_option
def list_schemas(directory: str, *, as_json: bool) -> None:
    r"""List the schemas that DIRECTORY (an id or a name) declares.

    \b
    Example: rollcall schemas list "Globex OneLogin" --json
    """

    async def work(client: Api) -> list[DeclaredSchema]:
        return await client.schemas((await client.find_directory(directory)).id)

    found = api.call(work)
    if as_json:
        print_json([_document(each) for each in found])
        return
    rows = [(each.id, each.resource_type, each.name, _names(each)) for each in found]
    print_table("Schemas", ("urn", "extends", "name", "attributes"), rows)


@schemas.command()
@click.argument("directory")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option(
    "--resource-type",
    type=click.Choice(get_args(ResourceTypeName)),
    help="What it extends, if neither the file nor the end of its URN says so.",
)
@json_option
def declare(
    directory: str, file: TextIO, resource_type: ResourceTypeName | None, *, as_json: bool
) -> None:
    r"""Declare the schema in FILE for DIRECTORY, or change it; - reads it from standard input.

    FILE is JSON as /Schemas answers it (RFC 7643 section 7).

    \b
    Example: rollcall schemas declare "Globex OneLogin" badge.json
    """
    wanted = _read(file, resource_type)

    async def work(client: Api) -> DeclaredSchema:
        return await client.declare_schema((await client.find_directory(directory)).id, wanted)

    declared = api.call(work)
    if as_json:
        print_json(_document(declared))
    else:
        console.print(
            f"{declared.resource_type}s have {declared.id} within 5 s: {_names(declared)}.",
            soft_wrap=True,
        )


@schemas.command()
@click.argument("directory")
@click.argument("urn")
@click.option("--force", is_flag=True, help="Also while there are values; these stay stored.")
@json_option
def remove(directory: str, urn: str, *, force: bool, as_json: bool) -> None:
    r"""Remove the schema URN from DIRECTORY; values of it stay stored, but are no longer shown.

    \b
    Example: rollcall schemas remove "Globex OneLogin" urn:globex:badge:1.0:User
    """

    async def work(client: Api) -> None:
        found = await client.find_directory(directory)
        await client.remove_schema(found.id, urn, is_forced=force)

    api.call(work)
    if as_json:
        print_json({"removed": urn})
    else:
        console.print(f"{urn} is removed.", soft_wrap=True)


def _read(file: TextIO, resource_type: ResourceTypeName | None) -> NewSchema:
    try:
        document = json.load(file)
        if isinstance(document, dict) and resource_type:
            document = {**document, "resourceType": resource_type}
        return NewSchema.model_validate(document)
    except ValidationError as error:
        raise CommandError(f"{file.name} is no schema: {describe(error)}.") from error
    except ValueError as error:
        raise CommandError(f"{file.name} is not JSON: {error}.") from error


def _document(declared: DeclaredSchema) -> dict[str, Any]:
    return declared.model_dump(mode="json", by_alias=True)


def _names(declared: DeclaredSchema) -> str:
    return ", ".join(each.name for each in declared.attributes)
