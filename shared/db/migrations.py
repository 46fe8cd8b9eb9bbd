"""Migrations: forward only, each in a transaction together with its record."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import structlog

from shared.db.opening import Connection
from shared.db.pool import Database

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 0.5


class SchemaBehindError(Exception):
    """Migrations that this version needs have not run."""


class MigrationError(Exception):
    """A migration that already ran was edited, or the database is newer than the code."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One forward-only step; its first line says why it is there."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """The SHA-256 of the text, recorded when it runs."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_of(package: str) -> list[Migration]:
    """Return the `NNNN_name.sql` files of `package`.migrations in order of their names.

    A folder inside one, named in full, holds steps of its own.
    """
    folder = package if ".migrations." in package else f"{package}.migrations"
    found = (file for file in files(folder).iterdir() if file.name.endswith(".sql"))
    return [
        Migration(f"{package}/{file.name}", file.read_text(encoding="utf-8"))
        for file in sorted(found, key=lambda file: file.name)
    ]


_CREATE_LEDGER = """
create table if not exists migrations (
  name text primary key, checksum text not null, applied_at timestamptz not null default now())
"""
_HAS_LEDGER = "select to_regclass('migrations') is not null"
_LOCK_LEDGER = "select pg_advisory_xact_lock(hashtext('migrations'), hashtext(current_schema()))"
_APPLIED = "select name, checksum from migrations"
_RECORD = "insert into migrations (name, checksum) values ($1, $2)"


async def migrate(database: Database, packages: Sequence[str]) -> list[str]:
    """Apply what is missing, package by package; return the names applied now.

    Raises MigrationError.
    """
    return await apply(database, [step for one in packages for step in migrations_of(one)])


async def apply(database: Database, steps: Iterable[Migration]) -> list[str]:
    """Apply those steps that are missing, in order; return the names applied now.

    Each migration runs in one transaction together with its record. Raises MigrationError.
    """
    applied: list[str] = []
    for step in steps:
        async with database.transaction() as tx:
            if await _apply(tx, step):
                applied.append(step.name)
    return applied


async def _apply(tx: Connection, step: Migration) -> bool:
    await tx.execute("set local statement_timeout = 0")
    await tx.execute(_LOCK_LEDGER)
    await tx.execute(_CREATE_LEDGER)
    known = {row["name"]: row["checksum"] for row in await tx.fetch(_APPLIED)}
    if step.name in known:
        if known[step.name] != step.checksum:
            raise MigrationError(f"{step.name} was edited after it ran; add a new migration")
        return False
    await tx.execute(step.sql, timeout=600)
    await tx.execute(_RECORD, step.name, step.checksum)
    return True


async def wait_for(database: Database, packages: Sequence[str], *, within_s: float = 60.0) -> None:
    """Return once every migration of these packages has run; it is another's job to run them.

    A schema that is ahead is fine: migrations leave the version before working.
    Raises SchemaBehindError.
    """
    deadline = asyncio.get_running_loop().time() + within_s
    while names := await missing(database, packages):
        if asyncio.get_running_loop().time() > deadline:
            more = f" and {len(names) - 1} more" if names[1:] else ""
            raise SchemaBehindError(
                f"The database lacks the migration {names[0]}{more}; run `rollcall migrate`"
            )
        _log.warning("schema.awaited", migration=names[0], count=len(names))
        await asyncio.sleep(_LOOK_EVERY_S)


async def missing(database: Database, packages: Sequence[str]) -> list[str]:
    """Return the migrations of these packages that have not run, in order."""
    async with database.connection() as connection:
        has_ledger = await connection.fetchval(_HAS_LEDGER)
        rows = await connection.fetch(_APPLIED) if has_ledger else []
    known = {row["name"] for row in rows}
    steps = [step.name for package in packages for step in migrations_of(package)]
    return [name for name in steps if name not in known]
