"""ingest's users, groups and memberships, at the moment that its counters name."""

from cli.verify import rows
from cli.verify.cuts import Source
from cli.verify.tables import reading
from shared import db

_DIRECTORIES = """
select s.directory_id, s.generation, s.sequence, d.organization_id
from directory_sequences as s left join directories as d on d.id = s.directory_id
where s.lane = $1 and ($2::uuid is null or s.directory_id = $2)
"""
_USERS = """
select directory_id, id, version, document from users where directory_id = any($1::uuid[])
"""
_GROUPS = "select directory_id, id, document from groups where directory_id = any($1::uuid[])"
_MEMBERSHIPS = """
select directory_id, group_id, user_id from memberships where directory_id = any($1::uuid[])
"""


async def cut(database: db.Database, lane: int, only: str | None) -> dict[str, Source]:
    """Return the directories of a lane, or one of them."""
    async with reading.snapshot(database) as connection:
        found = {
            row["directory_id"]: Source(reading.reached(row), row["organization_id"])
            for row in await connection.fetch(_DIRECTORIES, lane, only)
        }
        await reading.fill(connection, found, _TAKERS)
    return found


def _user(one: Source, row: db.Record) -> None:
    # Events tell whether a user is active also where no provider did: then it is.
    document = {"active": True, **row["document"]}
    one.users[row["id"]] = rows.digest(rows.content(document), row["version"])
    if document["active"]:
        one.active.add(row["id"])


def _group(one: Source, row: db.Record) -> None:
    one.groups[row["id"]] = rows.digest(rows.content(row["document"]))


def _membership(one: Source, row: db.Record) -> None:
    one.edges.add((row["group_id"], row["user_id"]))


_TAKERS = {_USERS: _user, _GROUPS: _group, _MEMBERSHIPS: _membership}
