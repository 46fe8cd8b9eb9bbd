"""`rollcall accept-loss`: going on behind a log that was cut off."""

import click

from cli import api
from cli.api import Api
from cli.output import CommandError, console, json_option, print_json, progress_console
from shared.contracts.management import Loss


@click.command("accept-loss")
@click.option("--yes", is_flag=True, help="Do go on without what is lost.")
@json_option
def accept_loss(*, yes: bool, as_json: bool) -> None:
    r"""Let roles go on where Kafka has lost the directory events that it reads next.

    It goes on where the log starts now, and asks for a snapshot of every directory; until each
    arrives, what people hold stays as it is. Without --yes this only says what is lost.

    \b
    Example: rollcall accept-loss --yes
    """

    async def work(client: Api) -> list[Loss]:
        found = await client.losses()
        if not found:
            raise CommandError("Kafka holds all that roles reads next: nothing is lost.")
        _say(found)
        if not yes:
            raise CommandError("Nothing was changed. Repeat with --yes to go on without them.")
        return await client.accept_losses(api.actor())

    accepted = api.call(work)
    if as_json:
        print_json([one.model_dump(mode="json", by_alias=True) for one in accepted])
    else:
        console.print(
            "roles goes on, and asks for a snapshot of every directory: see `rollcall parked`."
        )


def _say(found: list[Loss]) -> None:
    for one in found:
        progress_console.print(
            f"{one.topic}/{one.partition}: offset {one.next} is next, "
            f"but the log holds {one.start} to {one.end}.",
            soft_wrap=True,
        )
