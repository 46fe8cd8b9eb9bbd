"""All SQL of the projector: a handful of bulk statements a batch, whatever its size.

Rows travel as one jsonb array and are unfolded by the table's own row type.
"""

from collections.abc import Iterable, Mapping, Sequence

from services.projector.domain import DirectoryRows, RoleRows, Row, Transition
from shared import db
from shared.contracts.ids import DirectoryId
from shared.contracts.role_events import MappingSaved

_PUT_DIRECTORIES = """
insert into directories (id, organization_id, name, provider, created_at)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
on conflict (id) do update set name = excluded.name, provider = excluded.provider
"""
_PUT_USERS = """
insert into users (directory_id, id, user_name, display_name, email, external_id, active, resource,
                   version, created_at, updated_at, deleted_at)
select directory_id, id, user_name, display_name, email, external_id, active, resource,
       version, created_at, updated_at, deleted_at
from jsonb_populate_recordset(null::users, $1)
on conflict (directory_id, id) do update set
  user_name = excluded.user_name, display_name = excluded.display_name, email = excluded.email,
  external_id = excluded.external_id, active = excluded.active, resource = excluded.resource,
  version = excluded.version, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at
"""
_PUT_GROUPS = """
insert into groups (directory_id, id, display_name, external_id, resource, version, created_at,
                    updated_at, deleted_at)
select directory_id, id, display_name, external_id, resource, version, created_at, updated_at,
       deleted_at
from jsonb_populate_recordset(null::groups, $1)
on conflict (directory_id, id) do update set
  display_name = excluded.display_name, external_id = excluded.external_id,
  resource = excluded.resource, version = excluded.version, updated_at = excluded.updated_at,
  deleted_at = excluded.deleted_at
"""
_PUT_MEMBERSHIPS = """
insert into memberships (directory_id, group_id, user_id, since)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[])
on conflict (directory_id, group_id, user_id) do update set since = excluded.since
"""
_DELETE_MEMBERSHIPS = """
delete from memberships where (directory_id, group_id, user_id) in (
  select * from unnest($1::uuid[], $2::uuid[], $3::uuid[]))
"""
_CLOSE = """
update assignments set valid_to = lost.time
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
  as lost (directory_id, user_id, role_key, time)
where assignments.directory_id = lost.directory_id and assignments.user_id = lost.user_id
  and assignments.role_key = lost.role_key and assignments.valid_to is null
"""
_OPEN = """
insert into assignments (directory_id, user_id, role_key, role_name, reason, cause, valid_from,
                         sequence)
select directory_id, user_id, role_key, role_name, reason, cause, valid_from, sequence
from jsonb_populate_recordset(null::assignments, $1)
"""
_CLEAR_MAPPINGS = "delete from mappings where directory_id = any($1::uuid[])"
_PUT_MAPPINGS = """
insert into mappings (directory_id, group_id, role_key, role_name)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])
"""
_PUT_EVENTS = """
insert into events (directory_id, topic, generation, sequence, id, type, subject, time, user_id,
                    group_id, cause, data)
select directory_id, topic, generation, sequence, id, type, subject, time, user_id, group_id, cause,
       data
from jsonb_populate_recordset(null::events, $1)
"""


async def put_events(tx: db.Connection, rows: Sequence[Row]) -> None:
    """Store events as read."""
    await tx.execute(_PUT_EVENTS, rows)


async def put_directory_rows(tx: db.Connection, rows: DirectoryRows) -> None:
    """Store what a batch of directory events comes to."""
    if rows.directories:
        await tx.execute(_PUT_DIRECTORIES, *map(list, zip(*rows.directories, strict=True)))
    if rows.users:
        await tx.execute(_PUT_USERS, list(rows.users.values()))
    if rows.groups:
        await tx.execute(_PUT_GROUPS, list(rows.groups.values()))
    there = [(*edge, since) for edge, since in rows.memberships.items() if since]
    gone = [edge for edge, since in rows.memberships.items() if since is None]
    if there:
        await tx.execute(_PUT_MEMBERSHIPS, *map(list, zip(*there, strict=True)))
    if gone:
        await tx.execute(_DELETE_MEMBERSHIPS, *map(list, zip(*gone, strict=True)))


async def put_role_rows(tx: db.Connection, rows: RoleRows) -> None:
    """Store what a batch of role events comes to."""
    for transitions in rows.rounds:
        await _put_transitions(tx, transitions.values())
    if rows.mappings:
        await _put_mappings(tx, rows.mappings)


async def _put_transitions(tx: db.Connection, transitions: Iterable[Transition]) -> None:
    lost = [(t.directory, t.user, t.role, t.time) for t in transitions if t.row is None]
    gained = [t.row for t in transitions if t.row is not None]
    if lost:
        await tx.execute(_CLOSE, *map(list, zip(*lost, strict=True)))
    if gained:
        await tx.execute(_OPEN, gained)


async def _put_mappings(tx: db.Connection, saved: Mapping[DirectoryId, MappingSaved]) -> None:
    await tx.execute(_CLEAR_MAPPINGS, list(saved))
    rows = [
        (directory, row.group.id, row.role.key, row.role.name)
        for directory, mapping in saved.items()
        for row in mapping.rows
    ]
    if rows:
        await tx.execute(_PUT_MAPPINGS, *map(list, zip(*rows, strict=True)))
