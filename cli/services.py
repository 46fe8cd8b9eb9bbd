"""`rollcall ingest|projector|portal` runs one service, `migrate` brings schemas up to date."""

import asyncio

import click

from cli import addresses
from cli.output import CommandError, SettingError, json_option, print_json, print_table
from cli.running import run_service
from services import __main__ as services
from shared import db


def _command(name: str, words: str) -> click.Command:
    @click.command(name, help=f"{words}\n\n\b\nExample: rollcall {name}")
    @click.option("--json", "json_logs", is_flag=True, help="Log as JSON, for programs.")
    def run(*, json_logs: bool) -> None:
        run_service(name, json_logs=json_logs)

    return run


@click.command()
@json_option
def migrate(*, as_json: bool) -> None:
    r"""Bring the schemas up to date; settings: ROLLCALL_…_DATABASE_URL, else the local system's.

    \b
    Example: rollcall migrate
    """
    urls = services.database_urls() or addresses.find().databases
    if not urls:
        raise CommandError(
            "No database is named. Set ROLLCALL_INGEST_DATABASE_URL and the others, "
            "or start Rollcall with `make run`, which migrates by itself."
        )
    try:
        applied = asyncio.run(services.migrate(urls))
    except db.DatabaseRefusedError as error:
        raise SettingError(str(error)) from error
    except (db.DatabaseUnavailableError, db.MigrationError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json(applied)
        return
    rows = [(name, ", ".join(steps) or "up to date") for name, steps in applied.items()]
    print_table("Schemas", ("schema", "applied"), rows)


ingest = _command("ingest", "Run the SCIM gateway; settings: ROLLCALL_INGEST_…")
projector = _command("projector", "Run the writer of read models; settings: ROLLCALL_PROJECTOR_…")
portal = _command("portal", "Run the administrators' pages; settings: ROLLCALL_PORTAL_…")
