"""All SQL of the projector: a handful of bulk statements a batch, whatever its size.

Rows travel as one JSON array and are unfolded by the table's own row type. As json, not jsonb: so
Postgres reads them once, and makes no tree of them only to take it apart.
"""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime

from services.projector.domain import (
    DirectoryRows,
    Edge,
    Held,
    Membership,
    RoleRows,
    Row,
    SnapshotOver,
)
from shared import db
from shared.contracts.ids import DirectoryId, UserId
from shared.contracts.management import KnownUser
from shared.contracts.role_events import MappingSaved

# The read models, each with the column that says whose a row is.
TABLES = {
    "directories": "id",
    "users": "directory_id",
    "groups": "directory_id",
    "memberships": "directory_id",
    "member_counts": "directory_id",
    "mappings": "directory_id",
    "assignments": "directory_id",
    "events": "directory_id",
    "erased_users": "directory_id",
}
_PUT_DIRECTORIES = """
insert into directories (id, organization_id, name, provider, created_at)
select id, organization_id, name, provider, created_at
from json_populate_recordset(null::directories, $1)
on conflict (id) do update set name = excluded.name, provider = excluded.provider
"""
_END_DIRECTORIES = """
update directories set deleted_at = gone.time
from unnest($1::uuid[], $2::timestamptz[]) as gone (id, time) where directories.id = gone.id
"""
_PUT_USERS = """
insert into users (directory_id, id, user_name, display_name, email, external_id, active, resource,
                   version, created_at, updated_at, deleted_at, generation, sequence)
select directory_id, id, user_name, display_name, email, external_id, active, resource,
       version, created_at, updated_at, deleted_at, generation, sequence
from json_populate_recordset(null::users, $1)
on conflict (directory_id, id) do update set
  user_name = excluded.user_name, display_name = excluded.display_name, email = excluded.email,
  external_id = excluded.external_id, active = excluded.active, resource = excluded.resource,
  version = excluded.version, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at,
  generation = excluded.generation, sequence = excluded.sequence
"""
_PUT_GROUPS = """
insert into groups (directory_id, id, display_name, external_id, resource, version, created_at,
                    updated_at, deleted_at, generation, sequence)
select directory_id, id, display_name, external_id, resource, version, created_at, updated_at,
       deleted_at, generation, sequence
from json_populate_recordset(null::groups, $1)
on conflict (directory_id, id) do update set
  display_name = excluded.display_name, external_id = excluded.external_id,
  resource = excluded.resource, version = excluded.version, updated_at = excluded.updated_at,
  deleted_at = excluded.deleted_at,
  generation = excluded.generation, sequence = excluded.sequence
"""
# All parts see the memberships as they were before, so that counts move by what really changes.
# A group that was mentioned has a count, be it 0: however the log is cut, the same rows result.
_PUT_MEMBERSHIPS = """
with said as (
  select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::boolean[],
                       $6::integer[], $7::bigint[])
    as s (directory_id, group_id, user_id, since, exact, generation, sequence)),
moved as (
  select directory_id, group_id,
    (said.since is not null)::int - (m.since is not null)::int as members
  from said left join memberships as m using (directory_id, group_id, user_id)),
counted as (
  insert into member_counts (directory_id, group_id, members)
  select directory_id, group_id, sum(members) from moved group by directory_id, group_id
  on conflict (directory_id, group_id) do update
    set members = member_counts.members + excluded.members),
gone as (
  delete from memberships as m using said
  where said.since is null and m.directory_id = said.directory_id
    and m.group_id = said.group_id and m.user_id = said.user_id)
insert into memberships (directory_id, group_id, user_id, since, generation, sequence)
select directory_id, group_id, user_id,
  case when said.exact then said.since else coalesce(m.since, said.since) end,
  said.generation, said.sequence
from said left join memberships as m using (directory_id, group_id, user_id)
where said.since is not null
on conflict (directory_id, group_id, user_id) do update set
  since = excluded.since, generation = excluded.generation, sequence = excluded.sequence
"""
_END_USERS = """
update users set deleted_at = $4, updated_at = $4
where directory_id = $1 and (generation, sequence) < ($2, $3) and deleted_at is null
"""
_END_GROUPS = """
update groups set deleted_at = $4, updated_at = $4
where directory_id = $1 and (generation, sequence) < ($2, $3) and deleted_at is null
"""
_END_MEMBERSHIPS = """
with gone as (
  delete from memberships where directory_id = $1 and (generation, sequence) < ($2, $3)
  returning group_id),
lost as (select group_id, count(*) as members from gone group by group_id)
update member_counts as c set members = c.members - lost.members
from lost where c.directory_id = $1 and c.group_id = lost.group_id
"""
_END = """
update assignments set valid_to = lost.time
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
  as lost (directory_id, user_id, role_key, time)
where assignments.directory_id = lost.directory_id and assignments.user_id = lost.user_id
  and assignments.role_key = lost.role_key and assignments.valid_to is null
"""
_BEGIN = """
insert into assignments (directory_id, user_id, role_key, role_name, reason, cause, valid_from,
                         valid_to, generation, sequence)
select directory_id, user_id, role_key, role_name, reason, cause, valid_from, valid_to, generation,
       sequence
from json_populate_recordset(null::assignments, $1)
"""
_CLEAR_MAPPINGS = "delete from mappings where directory_id = any($1::uuid[])"
_PUT_MAPPINGS = """
insert into mappings (directory_id, group_id, role_key, role_name)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])
"""
# Another topic may store events of the same user meanwhile, unseen by who erases: one waits for the
# other. In statements of their own: what follows must see what was committed while they waited.
_LOCK_STORING = "select pg_advisory_xact_lock_shared(hashtext('erasure'))"
_LOCK_ERASING = "select pg_advisory_xact_lock(hashtext('erasure'))"
_ERASED = "select directory_id, user_id from erased_users where directory_id = any($1::uuid[])"
_NOTE_ERASED = """
insert into erased_users (directory_id, user_id, erased_at)
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) on conflict do nothing
"""
_ERASE_USERS = """
delete from users as u using unnest($1::uuid[], $2::uuid[]) as erased (directory_id, user_id)
where u.directory_id = erased.directory_id and u.id = erased.user_id
"""
_ERASE_EVENTS = """
update events as e set data = '{}'
from unnest($1::uuid[], $2::uuid[]) as erased (directory_id, user_id)
where e.directory_id = erased.directory_id and e.user_id = erased.user_id
"""
_KNOWN_USERS = """
select u.id, u.user_name, u.deleted_at,
  (select count(*) from events as e where e.directory_id = u.directory_id and e.user_id = u.id)
    as events
from users as u
where u.directory_id = $1 and (u.id = $2 or lower(u.user_name) = lower($3))
order by u.deleted_at nulls first, u.id
"""
_PUT_EVENTS = """
insert into events (directory_id, topic, generation, sequence, id, type, subject, time,
                    published_at, user_id, group_id, cause, data)
select directory_id, topic, generation, sequence, id, type, subject, time, published_at, user_id,
       group_id, cause, data
from json_populate_recordset(null::events, $1)
"""


async def put_events(tx: db.Connection, rows: Sequence[Row]) -> None:
    """Store events as read.

    Of who was erased it stays that something happened: no order is assumed between topics.
    """
    await tx.execute(_LOCK_STORING)
    found = await tx.fetch(_ERASED, list({row["directory_id"] for row in rows}))
    kept = _blanked(rows, {tuple(each) for each in found}) if found else rows
    await tx.execute(_PUT_EVENTS, kept)


def _blanked(rows: Sequence[Row], erased: Container[tuple[str, str]]) -> list[Row]:
    return [
        {**row, "data": {}} if (row["directory_id"], row["user_id"]) in erased else row
        for row in rows
    ]


async def put_directory_rows(tx: db.Connection, rows: DirectoryRows) -> None:
    """Store what a batch of directory events comes to."""
    for statement, found in (
        (_PUT_DIRECTORIES, rows.directories),
        (_PUT_USERS, rows.users),
        (_PUT_GROUPS, rows.groups),
    ):
        if found:
            await tx.execute(statement, list(found.values()))
    if rows.memberships:
        await _put_memberships(tx, rows.memberships)
    # Last, since a row that was told of after the end is spared by where it was told.
    for over in rows.ends:
        await _end_snapshot(tx, over)
    if rows.deleted:
        await tx.execute(_END_DIRECTORIES, list(rows.deleted), list(rows.deleted.values()))
    if rows.erased:
        await _erase(tx, rows.erased)


async def _erase(tx: db.Connection, erased: Mapping[tuple[DirectoryId, UserId], datetime]) -> None:
    """Keep of these users nothing but that something happened to them."""
    directories, users = zip(*erased, strict=True)
    await tx.execute(_LOCK_ERASING)
    await tx.execute(_NOTE_ERASED, directories, users, list(erased.values()))
    await tx.execute(_ERASE_USERS, directories, users)
    await tx.execute(_ERASE_EVENTS, directories, users)


async def known_users(
    connection: db.Connection, directory: str, key: str | None, name: str
) -> list[KnownUser]:
    """Return the users of an id or of a userName, in any case, who live or were deleted."""
    rows = await connection.fetch(_KNOWN_USERS, directory, key, name)
    return [KnownUser.model_validate(dict(row)) for row in rows]


async def _put_memberships(tx: db.Connection, memberships: Mapping[Edge, Membership]) -> None:
    directories, groups, users = zip(*memberships, strict=True)
    said = memberships.values()
    await tx.execute(
        _PUT_MEMBERSHIPS,
        directories,
        groups,
        users,
        [one.since for one in said],
        [one.is_exact for one in said],
        [one.position.generation for one in said],
        [one.position.sequence for one in said],
    )


async def _end_snapshot(tx: db.Connection, over: SnapshotOver) -> None:
    place = (over.directory, over.begin.generation, over.begin.sequence)
    await tx.execute(_END_USERS, *place, over.time)
    await tx.execute(_END_GROUPS, *place, over.time)
    await tx.execute(_END_MEMBERSHIPS, *place)


async def put_role_rows(tx: db.Connection, rows: RoleRows) -> None:
    """Store what a batch of role events comes to."""
    # What was held before ends first: a user holds a role once at a time.
    if rows.ended:
        await _end(tx, rows.ended)
    if rows.assignments:
        await tx.execute(_BEGIN, rows.assignments)
    if rows.mappings:
        await _put_mappings(tx, rows.mappings)


async def _end(tx: db.Connection, ended: Mapping[Held, datetime]) -> None:
    directories, users, roles = zip(*ended, strict=True)
    await tx.execute(_END, directories, users, roles, list(ended.values()))


async def _put_mappings(tx: db.Connection, saved: Mapping[DirectoryId, MappingSaved]) -> None:
    await tx.execute(_CLEAR_MAPPINGS, list(saved))
    rows = [
        (directory, row.group.id, row.role.key, row.role.name)
        for directory, mapping in saved.items()
        # What is switched off grants nothing.
        for row in (mapping.rows if mapping.enabled else ())
    ]
    if rows:
        await tx.execute(_PUT_MAPPINGS, *map(list, zip(*rows, strict=True)))
