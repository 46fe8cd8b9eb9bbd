"""All SQL of roles. A batch is loaded and saved set-wise, whatever its size."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.roles.domain import Directory, Edits, Held, Told, UnknownError, Working
from shared import db, outbox
from shared.contracts import envelope, role_events
from shared.contracts.base import Contract
from shared.contracts.directory_events import Cause, GroupRef, UserRef
from shared.contracts.envelope import Origin
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, RoleKey, UserId, is_id
from shared.contracts.management import KnownGroup, MappedGroupRow, MappingRow, Role
from shared.contracts.role_events import Reason, RoleRef
from shared.contracts.topics import ROLE_EVENTS, ROLE_STATE, lane_of

_INSERT_DIRECTORY = """
insert into directories (id, organization_id, name) values ($1, $2, $3) on conflict do nothing
"""
_DIRECTORY = "select id, organization_id, name, mapping_version from directories where id = $1"
_LOCK_DIRECTORIES = """
select id, organization_id, name, mapping_version from directories
where id = any($1::uuid[]) order by id for update
"""
_ROLES = "select key, name, description, privileged from roles order by key"
_PUT_ROLE = """
insert into roles (key, name, description, privileged) values ($1, $2, $3, $4)
on conflict (key) do update
  set name = excluded.name, description = excluded.description, privileged = excluded.privileged
returning xmax = 0 as is_new
"""
_MAPPINGS = """
select directory_id, group_id, role_key from mappings where directory_id = any($1::uuid[])
"""
_WANTED = "unnest($1::uuid[], $2::uuid[]) as wanted (directory_id, id)"
_USERS = f"""
select u.directory_id, u.id, u.user_name, u.external_id, u.active
from {_WANTED} join users as u using (directory_id, id)
"""
_MEMBERSHIPS = f"""
select m.directory_id, m.user_id, g.id, g.display_name, g.external_id
from {_WANTED}
join memberships as m on m.directory_id = wanted.directory_id and m.user_id = wanted.id
join groups as g on g.directory_id = m.directory_id and g.id = m.group_id
"""
_ASSIGNMENTS = f"""
select a.directory_id, a.user_id, a.role_key, a.reason, a.since, a.cause
from {_WANTED}
join assignments as a on a.directory_id = wanted.directory_id and a.user_id = wanted.id
"""
_MEMBERS = """
select distinct user_id from memberships where directory_id = $1 and group_id = any($2::uuid[])
"""
_PUT_USERS = """
insert into users (directory_id, id, user_name, external_id, active)
select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::boolean[])
on conflict (directory_id, id) do update
  set user_name = excluded.user_name, external_id = excluded.external_id, active = excluded.active
"""
_DELETE_USERS = "delete from users where directory_id = $1 and id = any($2::uuid[])"
_PUT_GROUPS = """
insert into groups (directory_id, id, display_name, external_id, deleted)
select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::boolean[])
on conflict (directory_id, id) do update set
  display_name = excluded.display_name, external_id = excluded.external_id,
  deleted = excluded.deleted
"""
_PUT_MEMBERSHIPS = """
insert into memberships (directory_id, group_id, user_id)
select $1, * from unnest($2::uuid[], $3::uuid[]) on conflict do nothing
"""
_DELETE_MEMBERSHIPS = """
delete from memberships
where directory_id = $1 and (user_id, group_id) in (select * from unnest($3::uuid[], $2::uuid[]))
"""
_PUT_ASSIGNMENTS = """
insert into assignments (directory_id, user_id, role_key, reason, since, cause)
select $1, * from unnest($2::uuid[], $3::text[], $4::jsonb[], $5::timestamptz[], $6::jsonb[])
on conflict (directory_id, user_id, role_key) do update
  set reason = excluded.reason, since = excluded.since, cause = excluded.cause
"""
_DELETE_ASSIGNMENTS = """
delete from assignments
where directory_id = $1 and (user_id, role_key) in (select * from unnest($2::uuid[], $3::text[]))
"""
_MAPPING_ROWS = """
select m.group_id, m.role_key, g.display_name, g.deleted, r.name
from mappings as m
join groups as g on g.directory_id = m.directory_id and g.id = m.group_id
join roles as r on r.key = m.role_key
where m.directory_id = $1
order by lower(g.display_name), m.role_key
"""
_CLEAR_MAPPING = "delete from mappings where directory_id = $1"
_INSERT_MAPPING = """
insert into mappings (directory_id, group_id, role_key)
select $1, * from unnest($2::uuid[], $3::text[])
"""
_SET_VERSION = "update directories set mapping_version = $2 where id = $1"
_GROUPS = """
select g.id, g.display_name, g.external_id,
       (select count(*) from memberships as m
        where m.directory_id = g.directory_id and m.group_id = g.id) as members
from groups as g
where g.directory_id = $1 and not g.deleted
  and ($2::text is null or lower(g.display_name) = lower($2))
order by lower(g.display_name), g.id
"""
_GROUP_REFS = """
select id, display_name, external_id from groups
where directory_id = $1 and id = any($2::uuid[]) and (not deleted or id = any($3::uuid[]))
"""
_FIND_USER = """
select id, user_name, external_id, active from users
where directory_id = $1 and (id::text = $2 or lower(user_name) = lower($2))
order by id::text = $2 desc limit 1
"""


async def insert_directory(tx: db.Connection, directory: Directory) -> None:
    """Note a new directory, and open the history of its role events on the same lane."""
    await tx.execute(_INSERT_DIRECTORY, directory.id, directory.organization, directory.name)
    await outbox.open_history(tx, directory.id, lane_of(directory.id))


async def lock_directories(
    tx: db.Connection, directories: Iterable[DirectoryId]
) -> dict[DirectoryId, Directory]:
    """Return the known ones of these directories, locked until commit, in the order of ids."""
    rows = await tx.fetch(_LOCK_DIRECTORIES, sorted(directories))
    return {DirectoryId(row["id"]): _directory(row) for row in rows}


async def directory(connection: db.Connection, key: str) -> Directory:
    """Return a directory. Raises UnknownError."""
    return await _one_directory(connection, _DIRECTORY, key)


async def lock_directory(tx: db.Connection, key: str) -> Directory:
    """Return a directory, locked until commit. Raises UnknownError."""
    return await _one_directory(tx, f"{_DIRECTORY} for update", key)


async def _one_directory(connection: db.Connection, statement: str, key: str) -> Directory:
    row = await connection.fetchrow(statement, key) if is_id(key) else None
    if row is None:
        raise UnknownError(
            f"The directory {key} is not known to roles. "
            "If it was created a moment ago, try again in a second."
        )
    return _directory(row)


async def load(
    tx: db.Connection,
    directories: Mapping[DirectoryId, Directory],
    users: Iterable[tuple[DirectoryId, UserId]],
) -> dict[DirectoryId, Working]:
    """Return the part of each directory that concerns these users."""
    roles = {role.key: RoleRef(key=role.key, name=role.name) for role in await catalogue(tx)}
    mappings = await _mappings(tx, list(directories))
    working = {
        key: Working(directory, roles, mappings.get(key, {}))
        for key, directory in directories.items()
    }
    pairs = sorted(set(users))
    wanted = [directory for directory, _ in pairs], [user for _, user in pairs]
    for row in await tx.fetch(_USERS, *wanted):
        working[row["directory_id"]].users[row["id"]] = _user(row)
    for row in await tx.fetch(_MEMBERSHIPS, *wanted):
        part = working[row["directory_id"]]
        part.groups[row["id"]] = _group(row)
        part.member_of.setdefault(row["user_id"], set()).add(row["id"])
    for row in await tx.fetch(_ASSIGNMENTS, *wanted):
        part = working[row["directory_id"]]
        part.held.setdefault(row["user_id"], {})[row["role_key"]] = _held(row)
    return working


async def _mappings(
    tx: db.Connection, directories: list[DirectoryId]
) -> dict[DirectoryId, dict[GroupId, frozenset[RoleKey]]]:
    found: dict[DirectoryId, dict[GroupId, frozenset[RoleKey]]] = {}
    for row in await tx.fetch(_MAPPINGS, directories):
        groups = found.setdefault(row["directory_id"], {})
        groups[row["group_id"]] = groups.get(row["group_id"], frozenset()) | {row["role_key"]}
    return found


async def members(
    tx: db.Connection, directory: DirectoryId, groups: Iterable[GroupId]
) -> list[UserId]:
    """Return everybody who is in one of the groups."""
    return [UserId(row["user_id"]) for row in await tx.fetch(_MEMBERS, directory, list(groups))]


async def save(tx: db.Connection, directory: DirectoryId, edits: Edits) -> None:
    """Store what a fold changed."""
    await _save_users(tx, directory, edits)
    await _save_groups(tx, directory, edits)
    await _save_memberships(tx, directory, edits)
    await _save_assignments(tx, directory, edits)


async def _save_users(tx: db.Connection, directory: DirectoryId, edits: Edits) -> None:
    put = [user for user in edits.users.values() if user]
    gone = [key for key, user in edits.users.items() if user is None]
    if put:
        columns = zip(*((u.id, u.user_name, u.external_id, u.active) for u in put), strict=True)
        await tx.execute(_PUT_USERS, directory, *map(list, columns))
    if gone:
        await tx.execute(_DELETE_USERS, directory, gone)


async def _save_groups(tx: db.Connection, directory: DirectoryId, edits: Edits) -> None:
    if edits.groups:
        rows = (
            (g.id, g.display_name, g.external_id, deleted) for g, deleted in edits.groups.values()
        )
        await tx.execute(_PUT_GROUPS, directory, *map(list, zip(*rows, strict=True)))


async def _save_memberships(tx: db.Connection, directory: DirectoryId, edits: Edits) -> None:
    for statement, is_there in ((_PUT_MEMBERSHIPS, True), (_DELETE_MEMBERSHIPS, False)):
        edges = [edge for edge, there in edits.memberships.items() if there is is_there]
        if edges:
            await tx.execute(statement, directory, *map(list, zip(*edges, strict=True)))


async def _save_assignments(tx: db.Connection, directory: DirectoryId, edits: Edits) -> None:
    put = [(*key, held) for key, held in edits.held.items() if held]
    gone = [key for key, held in edits.held.items() if held is None]
    if put:
        rows = ((u, r, _json(h.reason), h.since, _json(h.cause)) for u, r, h in put)
        await tx.execute(_PUT_ASSIGNMENTS, directory, *map(list, zip(*rows, strict=True)))
    if gone:
        await tx.execute(_DELETE_ASSIGNMENTS, directory, *map(list, zip(*gone, strict=True)))


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is published of one change: an event first if there is one, transitions, then state."""

    working: Working
    told: Sequence[Told]
    saved: tuple[role_events.MappingSaved, Origin] | None = None


async def announce(tx: db.Connection, announcement: Announcement) -> None:
    """Append role events and the state of each user they concern. Call it last."""
    working = announcement.working
    directory = working.directory.id
    entries = []
    if announcement.saved:
        event, origin = announcement.saved
        entries.append(_event_entry(event, origin))
    entries += [_event_entry(told.event, _origin(working, told)) for told in announcement.told]
    last = {told.event.user.id: told for told in announcement.told}
    entries += [_state_entry(working, user, _origin(working, told)) for user, told in last.items()]
    await outbox.append(tx, directory, entries)


def _origin(working: Working, told: Told) -> Origin:
    return Origin(
        working.directory.id,
        working.directory.organization,
        told.moment.time,
        causation_id=told.moment.causation_id,
    )


def _event_entry(event: role_events.RoleEvent, origin: Origin) -> outbox.Entry:
    tail = envelope.tail(event.type, event.subject, origin, event, role_events.SCOPE)
    return outbox.Entry(ROLE_EVENTS.name, origin.directory, tail)


def _state_entry(working: Working, user: UserId, origin: Origin) -> outbox.Entry:
    state = working.state_of(user)
    tail = None
    if state:
        subject = f"users/{user}"
        tail = envelope.tail(state.type, subject, origin, state, role_events.STATE_SCOPE)
    return outbox.Entry(ROLE_STATE.name, f"{origin.directory}/{user}", tail, numbered=False)


async def catalogue(connection: db.Connection) -> list[Role]:
    """Return the roles that the application declared."""
    return [Role.model_validate(dict(row)) for row in await connection.fetch(_ROLES)]


async def put_role(tx: db.Connection, role: Role) -> bool:
    """Declare a role or change what it is called; return whether it is new."""
    return bool(
        await tx.fetchval(_PUT_ROLE, role.key, role.name, role.description, role.privileged)
    )


async def mapping_rows(connection: db.Connection, directory: DirectoryId) -> list[MappedGroupRow]:
    """Return the mapping of a directory by group name."""
    return [
        MappedGroupRow(
            group_id=row["group_id"],
            role=row["role_key"],
            group_name=row["display_name"],
            group_deleted=row["deleted"],
            role_name=row["name"],
        )
        for row in await connection.fetch(_MAPPING_ROWS, directory)
    ]


async def save_mapping(
    tx: db.Connection, directory: DirectoryId, rows: Sequence[MappingRow], version: int
) -> None:
    """Replace the rows of a locked directory's mapping."""
    await tx.execute(_CLEAR_MAPPING, directory)
    await tx.execute(
        _INSERT_MAPPING, directory, [row.group_id for row in rows], [row.role for row in rows]
    )
    await tx.execute(_SET_VERSION, directory, version)


async def groups(
    connection: db.Connection, directory: DirectoryId, name: str | None
) -> list[KnownGroup]:
    """Return the groups of a directory, or those of that name in any case."""
    rows = await connection.fetch(_GROUPS, directory, name)
    return [KnownGroup.model_validate(dict(row)) for row in rows]


async def group_refs(
    tx: db.Connection,
    directory: DirectoryId,
    wanted: Iterable[GroupId],
    also_deleted: Iterable[GroupId],
) -> dict[GroupId, GroupRef]:
    """Return the groups that are there, and of the deleted ones those named."""
    known = [group for group in wanted if is_id(group)]
    rows = await tx.fetch(_GROUP_REFS, directory, known, list(also_deleted))
    return {GroupId(row["id"]): _group(row) for row in rows}


async def find_user(connection: db.Connection, directory: DirectoryId, wanted: str) -> UserRef:
    """Return the user with that id, else with that user name. Raises UnknownError."""
    row = await connection.fetchrow(_FIND_USER, directory, wanted)
    if row is None:
        raise UnknownError("This directory has no user with that id or user name.")
    return _user(row)


def _json(value: Contract) -> dict[str, object]:
    return value.model_dump(mode="json", by_alias=True)


def _directory(row: db.Record) -> Directory:
    return Directory(
        DirectoryId(row["id"]),
        OrganizationId(row["organization_id"]),
        row["name"],
        row["mapping_version"],
    )


def _user(row: db.Record) -> UserRef:
    return UserRef(
        id=row["id"],
        user_name=row["user_name"],
        external_id=row["external_id"],
        active=row["active"],
    )


def _group(row: db.Record) -> GroupRef:
    return GroupRef(id=row["id"], display_name=row["display_name"], external_id=row["external_id"])


def _held(row: db.Record) -> Held:
    return Held(
        Reason.model_validate(row["reason"]), row["since"], Cause.model_validate(row["cause"])
    )
