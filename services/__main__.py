"""`python -m services ingest|roles|projector|portal` runs one service, `migrate` their schemas."""

import asyncio
import sys
from collections.abc import Mapping
from importlib import import_module

from shared import db, variables

SERVICES = ("ingest", "roles", "projector", "portal")
_USAGE = f"usage: python -m services {'|'.join(SERVICES)}|migrate"
EXIT_FAILED = 1
EXIT_USAGE = 2


def main(arguments: list[str]) -> int:
    """Run what the one argument names; return the exit code."""
    match arguments:
        case ["migrate"]:
            return _migrate_from_environment()
        case [name] if name in SERVICES:
            return int(import_module(f"services.{name}.app").main())
        case _:
            sys.stderr.write(f"{_USAGE}\n")
            return EXIT_USAGE


def database_urls() -> dict[str, str]:
    """Return the address of each service's database that environment or files name.

    Raises variables.UnreadableFileError.
    """
    given = {name: variables.read(_variable(name)) for name in SERVICES}
    return {name: url for name, url in given.items() if url}


async def migrate(urls: Mapping[str, str]) -> dict[str, list[str]]:
    """Bring the schemas of these services up to date; return what was applied to each.

    Raises db.DatabaseUnavailableError, db.MigrationError.
    """
    applied = {}
    for name, url in urls.items():
        step = _OWN_WAY.get(name, _one_schema)
        try:
            applied[name] = await step(name, url)
        except db.DatabaseRefusedError as error:
            raise db.DatabaseRefusedError(f"{_variable(name)}: {error}") from error
    return applied


def _variable(service: str) -> str:
    return f"ROLLCALL_{service.upper()}_DATABASE_URL"


async def _one_schema(name: str, url: str) -> list[str]:
    async with db.connect(url, name, max_size=1) as database:
        return await db.migrate(database, ["shared", f"services.{name}"])


async def _read_models(name: str, url: str) -> list[str]:
    """Read models come in versions, a schema each."""
    found: list[str] = await import_module(f"services.{name}.app").migrate(url)
    return found


_OWN_WAY = {"projector": _read_models}


def _migrate_from_environment() -> int:
    try:
        urls = database_urls()
    except variables.UnreadableFileError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE
    if not urls:
        sys.stderr.write("ROLLCALL_INGEST_DATABASE_URL (and the others): no database URL is set\n")
        return EXIT_USAGE
    try:
        applied = asyncio.run(migrate(urls))
    except (db.DatabaseUnavailableError, db.MigrationError) as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_USAGE if isinstance(error, db.DatabaseRefusedError) else EXIT_FAILED
    for name, steps in applied.items():
        sys.stdout.write(f"{name}: {', '.join(steps) or 'up to date'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
