"""Makes the database, and each service's role and schema in it, with `bootstrap.sql`."""

from collections.abc import Mapping
from importlib.resources import files
from urllib.parse import urlsplit

from shared import db

SERVICES = ("ingest", "roles", "projector", "portal")
_FIRST_DATABASE = "postgres"  # each server has it
_EXISTS = "select exists (select from pg_database where datname = $1)"
_CREATE = "select format('create database %I', $1::text)"
_SET_PASSWORD = "select format('alter role %I with password %L', $1::text, $2::text)"  # noqa: S105  # none


async def bootstrap(superuser_dsn: str, database: str, passwords: Mapping[str, str]) -> None:
    """Make what is missing in a database, which is made too; set the passwords of these roles.

    Any number of times. The superuser may be one that may make roles and databases only, as
    managed servers have it. Raises db.DatabaseUnavailableError.
    """
    async with (
        db.connect(_at(superuser_dsn, _FIRST_DATABASE), "public", max_size=1) as server,
        server.connection() as connection,
    ):
        if not await connection.fetchval(_EXISTS, database):
            await connection.execute(await connection.fetchval(_CREATE, database))
    async with db.connect(_at(superuser_dsn, database), "public", max_size=1) as made:
        async with made.connection() as connection:
            await connection.execute(_script())
        async with made.transaction() as tx:
            for name, password in passwords.items():
                # `alter role` takes no parameters; the server quotes.
                await tx.execute(await tx.fetchval(_SET_PASSWORD, name, password))


def _at(dsn: str, database: str) -> str:
    return urlsplit(dsn)._replace(path=f"/{database}").geturl()


def _script() -> str:
    return files("deploy.postgres").joinpath("bootstrap.sql").read_text(encoding="utf-8")
