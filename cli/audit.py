"""`rollcall audit`: what operators and administrators did by hand, to look at or to keep."""

from collections.abc import AsyncIterator, Iterable

import click

from cli import api
from cli.api import Api
from cli.output import console, json_option, print_json
from shared.contracts.management import AuditQuery, AuditRecord

_SERVICES = ("ingest", "roles", "projector", "portal")
_PAGE = 1000


@click.command()
@click.option("--service", "services", type=click.Choice(_SERVICES), multiple=True,
              help="Only what this one recorded; all of them by default.")  # fmt: skip
@click.option("--after", type=click.IntRange(0), default=0, help="Begin behind this number.")
@json_option
def audit(services: tuple[str, ...], after: int, *, as_json: bool) -> None:
    r"""Print what was done by hand, service by service, the oldest first; --json one on each line.

    Each service numbers its own. Who keeps them elsewhere asks one service, behind the number that
    it has.

    \b
    Example: rollcall audit --service ingest --after 120 --json >>audit.jsonl
    """

    async def work(client: Api) -> None:
        for service in services or _SERVICES:
            async for page in _pages(client, service, after):
                _tell(service, page, as_json=as_json)

    api.call(work)


async def _pages(client: Api, service: str, after: int) -> AsyncIterator[list[AuditRecord]]:
    behind: int | None = after
    while behind is not None:
        page = await client.audit(service, AuditQuery(after=behind, limit=_PAGE))
        yield page.items
        behind = page.next


def _tell(service: str, records: Iterable[AuditRecord], *, as_json: bool) -> None:
    for one in records:
        document = one.model_dump(mode="json", by_alias=True)
        if as_json:
            print_json({"service": service, **document})
            continue
        directory = f" in {one.directory_id}" if one.directory_id else ""
        facts = ", ".join(f"{name} {value}" for name, value in one.facts.items())
        line = f"{one.at:%Y-%m-%d %H:%M:%S} {service} {one.id} {one.actor}: {one.act}{directory}"
        console.print(f"{line} ({facts})", soft_wrap=True, markup=False)
