"""`rollcall ingest|projector|portal` runs one service, `migrate` brings schemas up to date."""

import sys

import click

from services import __main__ as services


def run_service(name: str) -> None:
    """Run a service, or the migrations, and end with its exit code."""
    sys.exit(services.main([name]))


def _command(name: str, words: str) -> click.Command:
    @click.command(name, help=f"{words}\n\n\b\nExample: rollcall {name}")
    def run() -> None:
        run_service(name)

    return run


COMMANDS = (
    _command("ingest", "Run the SCIM gateway; settings: ROLLCALL_INGEST_…"),
    _command("projector", "Run the writer of read models; settings: ROLLCALL_PROJECTOR_…"),
    _command("portal", "Run the administrators' pages; settings: ROLLCALL_PORTAL_…"),
    _command("migrate", "Bring the schemas up to date; settings: ROLLCALL_…_DATABASE_URL"),
)
