"""`rollcall requests`: what a provider sent, masked, and what was answered."""

import json

import click

from cli import api
from cli.api import Api
from cli.output import console, json_option, print_json
from shared.contracts.management import Request, RequestDetail, RequestPage, RequestQuery


@click.group()
def requests() -> None:
    """Look into the request log: the SCIM calls of the last days."""


@requests.command("list")
@click.argument("directory")
@click.option("--failed", is_flag=True, help="Only what was refused or went wrong.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@json_option
def list_requests(directory: str, *, failed: bool, limit: int, as_json: bool) -> None:
    r"""List the newest calls of DIRECTORY (name or id), the newest first.

    \b
    Example: rollcall requests list "Globex OneLogin" --failed
    """

    async def work(client: Api) -> RequestPage:
        found = await client.find_directory(directory)
        return await client.requests(
            found.id, RequestQuery(status="failed" if failed else None, limit=limit)
        )

    page = api.call(work)
    if as_json:
        print_json([one.model_dump(mode="json", by_alias=True) for one in page.items])
        return
    for one in page.items:
        console.print(_line(one), soft_wrap=True, markup=False)
    if not page.items:
        console.print("Requests: none")


def _line(one: Request) -> str:
    asked = f"{one.method} {one.path}{one.query and f'?{one.query}'}"
    said = f"{one.status} {one.scim_type or ''}".strip()
    first = f"{one.at:%Y-%m-%d %H:%M:%S} UTC  {said:18}  {asked}"
    return f"{first}\n  {one.id}  {one.duration_ms:.1f} ms, {one.provider}"


@requests.command()
@click.argument("directory")
@click.argument("request_id")
@json_option
def show(directory: str, request_id: str, *, as_json: bool) -> None:
    r"""Show one call of DIRECTORY by its id, which is the X-Request-Id of its answer.

    \b
    Example: rollcall requests show "Globex OneLogin" 019ac1de-2f6c-7c41-9d5e-6b1f0d9a4c7e
    """

    async def work(client: Api) -> RequestDetail:
        found = await client.find_directory(directory)
        return await client.request(found.id, request_id)

    call = api.call(work)
    if as_json:
        print_json(call.model_dump(mode="json", by_alias=True))
        return
    facts = call.model_dump(mode="json", exclude={"body"}, exclude_none=True)
    for name, value in facts.items():
        console.print(f"{name:16}{value}", soft_wrap=True, markup=False)
    if call.body is not None:
        console.print(json.dumps(call.body, indent=2, ensure_ascii=False), markup=False)
