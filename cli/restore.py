"""`rollcall after-restore`: the one command that works on ingest's database by itself."""

import asyncio
from datetime import UTC, datetime

import click

from cli import addresses, api
from cli.output import CommandError, console, json_option, print_json
from services import __main__ as services
from services.ingest.domain.directories import ServingError
from services.ingest.usecases import generations
from shared import db


@click.command("after-restore")
@click.option("--yes", is_flag=True, help="Do it.")
@json_option
def after_restore(*, yes: bool, as_json: bool) -> None:
    r"""Start every history anew, after ingest's database was restored to an earlier time.

    Stop ingest first, and start it afterwards. What ingest told after the time of the backup is
    not in its tables any more; each directory gets a new generation that opens with a snapshot,
    so that roles and views become what ingest knows. Without --yes this only says how many.

    \b
    Example: rollcall after-restore --yes
    """
    url = (services.database_urls() or addresses.find().databases).get("ingest")
    if not url:
        raise CommandError("Set ROLLCALL_INGEST_DATABASE_URL to the restored database.")
    try:
        count = asyncio.run(_renewed(url, told_twice=yes))
    except (db.DatabaseUnavailableError, ServingError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json({"directories": count})
    else:
        console.print(f"{count} directories start a new generation. Start ingest now.")


async def _renewed(url: str, *, told_twice: bool) -> int:
    async with db.connect(url, "ingest", max_size=1) as database:
        if not told_twice:
            count = await generations.count(database)
            raise CommandError(
                f"Nothing was changed. {count} directories would start a new generation, each with "
                "a snapshot. Do this once, after a restore; repeat with --yes."
            )
        return await generations.renew(database, api.actor(), datetime.now(UTC))
