"""Directories as roles knows them, with their groups to choose from and users to ask about."""

from collections.abc import Iterable

from services.roles.domain.errors import UnknownError
from services.roles.domain.values import Directory, name_key
from services.roles.store import rows
from shared import db, outbox
from shared.contracts.directory_events import GroupRef, UserRef
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, is_id
from shared.contracts.management import KnownGroup
from shared.contracts.topics import lane_of

_INSERT = """
insert into directories (id, organization_id, name) values ($1, $2, $3) on conflict do nothing
"""
_COLUMNS = """
id, organization_id, name, mapping_version, resyncing, strategy, default_role, mapping_on, unsettled
"""
_FIND = f"select {_COLUMNS.strip()} from directories where id = $1"
_LOCK_ONE = f"{_FIND} for update"
_LOCK = f"""
select {_COLUMNS} from directories
where id = any($1::uuid[]) order by id for update
"""
_SET_RESYNCING = "update directories set resyncing = $2 where id = $1 and resyncing <> $2"
_GROUPS = """
select g.id, g.display_name, g.external_id,
       (select count(*) from memberships as m
        where m.directory_id = g.directory_id and m.group_id = g.id) as members
from groups as g
where g.directory_id = $1 and not g.deleted and ($2::text is null or g.name_key = $2)
order by g.name_key, g.id
"""
_GROUP_REFS = """
select id, display_name, external_id from groups
where directory_id = $1 and id = any($2::uuid[]) and (not deleted or id = any($3::uuid[]))
"""
_FIND_USER = """
select id, user_name, external_id, active from users
where directory_id = $1 and (id = $2::uuid or name_key = $3)
order by id = $2::uuid desc nulls last limit 1
"""


async def insert(tx: db.Connection, directory: Directory) -> None:
    """Note a new directory, and open the history of its role events on the same lane."""
    await tx.execute(_INSERT, directory.id, directory.organization, directory.name)
    await outbox.open_history(tx, directory.id, lane_of(directory.id))


async def set_resyncing(tx: db.Connection, directory: DirectoryId, *, resyncing: bool) -> None:
    """Say whether what is known of a directory is part old, part new."""
    await tx.execute(_SET_RESYNCING, directory, resyncing)


async def lock_all(
    tx: db.Connection, directories: Iterable[DirectoryId]
) -> dict[DirectoryId, Directory]:
    """Return these directories, locked until commit, in order of ids. Raises UnknownError."""
    wanted = sorted(directories)
    found = {row["id"]: _directory(row) for row in await tx.fetch(_LOCK, wanted)}
    for key in wanted:
        if key not in found:
            raise _unknown(key)
    return found


async def find(connection: db.Connection, key: str) -> Directory:
    """Return a directory. Raises UnknownError."""
    return await _one(connection, _FIND, key)


async def lock(tx: db.Connection, key: str) -> Directory:
    """Return a directory, locked until commit. Raises UnknownError."""
    return await _one(tx, _LOCK_ONE, key)


async def _one(connection: db.Connection, statement: str, key: str) -> Directory:
    row = await connection.fetchrow(statement, key) if is_id(key) else None
    if row is None:
        raise _unknown(key)
    return _directory(row)


def _unknown(key: str) -> UnknownError:
    return UnknownError(
        f"The directory {key} is not known to roles. "
        "If it was created a moment ago, try again in a second."
    )


async def groups(
    connection: db.Connection, directory: DirectoryId, name: str | None
) -> list[KnownGroup]:
    """Return the groups of a directory, or those of that name in any case."""
    key = None if name is None else name_key(name)
    found = await connection.fetch(_GROUPS, directory, key)
    return [KnownGroup.model_validate(dict(row)) for row in found]


async def group_refs(
    tx: db.Connection,
    directory: DirectoryId,
    wanted: Iterable[GroupId],
    also_deleted: Iterable[GroupId],
) -> dict[GroupId, GroupRef]:
    """Return the groups that are there, and of the deleted ones those named."""
    known = [group for group in wanted if is_id(group)]
    found = await tx.fetch(_GROUP_REFS, directory, known, list(also_deleted))
    return {GroupId(row["id"]): rows.group(row) for row in found}


async def find_user(connection: db.Connection, directory: DirectoryId, wanted: str) -> UserRef:
    """Return the user with that id, else with that user name. Raises UnknownError."""
    key = wanted if is_id(wanted) else None
    row = await connection.fetchrow(_FIND_USER, directory, key, name_key(wanted))
    if row is None:
        raise UnknownError(
            "This directory has no user with that id or user name. If it was created a moment ago, "
            "try again in a second."
        )
    return rows.user(row)


def _directory(row: db.Record) -> Directory:
    return Directory(
        DirectoryId(row["id"]),
        OrganizationId(row["organization_id"]),
        row["name"],
        row["mapping_version"],
        row["resyncing"],
        row["strategy"],
        row["default_role"],
        row["mapping_on"],
        row["unsettled"],
    )
