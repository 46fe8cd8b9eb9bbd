"""Plumbing: apply histories as the consumer does, look at the views as the portal does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.projector import usecases
from shared import db
from shared.contracts.envelope import Envelope
from shared.contracts.ids import DirectoryId
from tests.support.directory_log import DirectoryLog
from tests.support.role_log import RoleLog

Rows = list[dict[str, Any]]
TABLES = {
    "directories": "id",
    "users": "directory_id, id",
    "groups": "directory_id, id",
    "memberships": "directory_id, group_id, user_id",
    "member_counts": "directory_id, group_id",
    "assignments": "directory_id, user_id, role_key, generation, sequence",
    "mappings": "directory_id, group_id, role_key",
    "events": "directory_id, topic, generation, sequence",
    "erased_users": "directory_id, user_id",
}


@dataclass(slots=True)
class Directory:
    """A directory's history on both topics."""

    log: DirectoryLog = field(default_factory=DirectoryLog)
    roles: RoleLog = field(init=False)

    def __post_init__(self) -> None:
        self.roles = RoleLog(self.log.id, self.log.organization)

    @property
    def id(self) -> DirectoryId:
        return self.log.id


@dataclass(frozen=True, slots=True)
class Portal:
    """The views, read with the portal's database role."""

    database: db.Database

    async def rows(self, view: str, directory: DirectoryId) -> Rows:
        """Return a directory's rows of `portal_<view>`."""
        column = "id" if view == "directories" else "directory_id"
        query = f"select * from projector.portal_{view} where {column} = $1"
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, directory)]

    async def one(self, view: str, directory: DirectoryId) -> dict[str, Any]:
        [row] = await self.rows(view, directory)
        return row


async def apply(database: db.Database, directory: Directory) -> None:
    """Apply all of a directory's history in one batch a topic, as the consumer would."""
    await apply_directory_events(database, directory.log.envelopes)
    await apply_role_events(database, directory.roles.envelopes)


async def apply_directory_events(database: db.Database, events: Sequence[Envelope]) -> None:
    async with database.transaction() as tx:
        await usecases.apply_directory_events(tx, events)


async def apply_role_events(database: db.Database, events: Sequence[Envelope]) -> None:
    async with database.transaction() as tx:
        await usecases.apply_role_events(tx, events)


async def tables(database: db.Database) -> dict[str, Rows]:
    """Return all read models; `stored_at` is about this copy, so it stays out."""
    found: dict[str, Rows] = {}
    async with database.connection() as connection:
        for table, key in TABLES.items():
            rows = await connection.fetch(f"select * from {table} order by {key}")
            found[table] = [
                {name: value for name, value in row.items() if name != "stored_at"} for row in rows
            ]
    return found


async def forget(database: db.Database) -> None:
    """Empty all read models."""
    async with database.connection() as connection:
        await connection.execute("; ".join(f"delete from {table}" for table in TABLES))
