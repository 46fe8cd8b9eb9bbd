"""`python -m services ingest|roles|projector|portal` runs one service, `migrate` their schemas."""

import asyncio
import os
import sys
from importlib import import_module

from shared import db

SERVICES = ("ingest", "roles", "projector", "portal")
_USAGE = f"usage: python -m services {'|'.join(SERVICES)}|migrate"
EXIT_USAGE = 2


def main(arguments: list[str]) -> int:
    """Run what the one argument names; return the exit code."""
    match arguments:
        case ["migrate"]:
            return asyncio.run(_migrate_all())
        case [name] if name in SERVICES:
            return int(import_module(f"services.{name}.app").main())
        case _:
            sys.stderr.write(f"{_USAGE}\n")
            return EXIT_USAGE


async def _migrate_all() -> int:
    """Bring each schema up to date; a service without a database URL is left alone."""
    urls = {name: os.environ.get(f"ROLLCALL_{name.upper()}_DATABASE_URL") for name in SERVICES}
    if not any(urls.values()):
        sys.stderr.write("ROLLCALL_INGEST_DATABASE_URL (and the others): no database URL is set\n")
        return EXIT_USAGE
    for name, url in urls.items():
        if url:
            await _migrate(name, url)
    return 0


async def _migrate(name: str, url: str) -> None:
    async with db.connect(url, name, max_size=1) as database:
        applied = await db.migrate(database, ["shared", f"services.{name}"])
    sys.stdout.write(f"{name}: {', '.join(applied) if applied else 'up to date'}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
