"""`rollcall bootstrap`: what only a superuser of Postgres can make."""

import asyncio
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

import click

from cli.output import CommandError, SettingError, console, json_option, print_json
from deploy.postgres.bootstrap import SERVICES
from deploy.postgres.bootstrap import bootstrap as make
from services import __main__ as services
from shared import db, variables

_SUPERUSER = "ROLLCALL_SUPERUSER_DATABASE_URL"


@click.command()
@json_option
def bootstrap(*, as_json: bool) -> None:
    r"""Make the database, and in it each service's role and schema; before `rollcall migrate`.

    What is there stays; the passwords of the roles become those of the settings. Settings:
    ROLLCALL_SUPERUSER_DATABASE_URL, and each service's ROLLCALL_…_DATABASE_URL, which name the
    database and the passwords.

    \b
    Example: rollcall bootstrap
    """
    superuser = variables.read(_SUPERUSER)
    if not superuser:
        raise SettingError(f"Set {_SUPERUSER} to postgresql://USER:PASSWORD@HOST:PORT.")
    urls = {name: urlsplit(url) for name, url in services.database_urls().items()}
    database = _database(urls)
    passwords = {name: unquote(url.password or "") for name, url in urls.items()}
    try:
        asyncio.run(make(superuser, database, passwords))
    except db.DatabaseRefusedError as error:
        raise SettingError(f"{_SUPERUSER}: {error}") from error
    except db.DatabaseUnavailableError as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json({"database": database, "roles": list(passwords)})
    else:
        console.print(f"Database {database} is there, with {', '.join(passwords)}.", soft_wrap=True)


def _database(urls: Mapping[str, SplitResult]) -> str:
    """Return the one database of all services. Raises SettingError."""
    for name in SERVICES:
        variable = f"ROLLCALL_{name.upper()}_DATABASE_URL"
        if name not in urls:
            raise SettingError(f"Set {variable}: it says the password of the role {name}.")
        if urls[name].username != name or not urls[name].password:
            raise SettingError(f"{variable} must name the user {name}, and a password.")
    found = {unquote(url.path.lstrip("/")) for url in urls.values()}
    if len(found) > 1 or not all(found):
        raise SettingError("Each ROLLCALL_…_DATABASE_URL must name the same database.")
    return found.pop()
