"""`rollcall ingest|roles|projector|portal` runs one service, `migrate` brings schemas up to date."""

import sys

import click

from services import __main__ as services


def _command(name: str, words: str) -> click.Command:
    @click.command(name, help=f"{words}\n\n\b\nExample: rollcall {name}")
    def run() -> None:
        sys.exit(services.main([name]))

    return run


COMMANDS = (
    _command("ingest", "Run the SCIM gateway; settings: ROLLCALL_INGEST_…"),
    _command("roles", "Run the service that assigns roles; settings: ROLLCALL_ROLES_…"),
    _command("projector", "Run the writer of read models; settings: ROLLCALL_PROJECTOR_…"),
    _command("portal", "Run the administrators' pages; settings: ROLLCALL_PORTAL_…"),
    _command("migrate", "Bring the schemas up to date; settings: ROLLCALL_…_DATABASE_URL"),
)
