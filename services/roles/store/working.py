"""The part of a directory that a batch touches: loaded in a few queries, saved in a few."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.roles.domain.rule import GroupMapping, grouped
from services.roles.domain.values import Directory, Given, Held, name_key
from services.roles.domain.working import Working
from services.roles.store import fences, rows
from shared import db
from shared.contracts.base import Contract
from shared.contracts.directory_events import Cause
from shared.contracts.ids import DirectoryId, GroupId, RoleKey, UserId
from shared.contracts.role_events import Reason, RoleRef

# All roles, and the groups that grant each in these directories.
_GRANTS = """
select r.key, r.name, r.privileged, m.directory_id, m.group_id
from roles as r left join mappings as m on m.role_key = r.key and m.directory_id = any($1::uuid[])
order by m.position
"""
_WANTED = "unnest($1::uuid[], $2::uuid[]) as wanted (directory_id, id)"
_USERS = f"""
select u.directory_id, u.id, u.user_name, u.external_id, u.active
from {_WANTED} join users as u using (directory_id, id)
"""
# One statement for three tables: what a small batch waits for are round trips. Not joined with
# groups: without statistics Postgres may start there, and read whole groups.
_TIES = f"""
with wanted as (select * from {_WANTED})
select 'member' as tie, w.directory_id, w.id as user_id, m.group_id::text as key,
       null::timestamptz as since, null::jsonb as cause, null::jsonb as reason, null::jsonb as waits
from wanted as w join memberships as m on m.directory_id = w.directory_id and m.user_id = w.id
union all
select 'held', w.directory_id, w.id, a.role_key, a.since, a.cause, a.reason, a.waits
from wanted as w join assignments as a on a.directory_id = w.directory_id and a.user_id = w.id
union all
select 'given', w.directory_id, w.id, g.role_key, g.since, g.cause, null, null
from wanted as w
join manual_assignments as g on g.directory_id = w.directory_id and g.user_id = w.id
"""
_GROUPS = f"""
select g.directory_id, g.id, g.display_name, g.external_id
from {_WANTED} join groups as g using (directory_id, id)
"""
_MEMBERS = """
select distinct user_id from memberships
where directory_id = $1 and group_id = any($2::uuid[])
order by user_id
"""
_PUT_USERS = """
insert into users (directory_id, generation, sequence, id, user_name, name_key, external_id, active)
select * from unnest($1::uuid[], $2::integer[], $3::bigint[], $4::uuid[], $5::text[], $6::text[],
                     $7::text[], $8::boolean[])
on conflict (directory_id, id) do update set
  user_name = excluded.user_name, name_key = excluded.name_key,
  external_id = excluded.external_id, active = excluded.active,
  generation = excluded.generation, sequence = excluded.sequence
"""
_DELETE_USERS = """
delete from users using unnest($1::uuid[], $2::uuid[]) as gone (directory_id, id)
where users.directory_id = gone.directory_id and users.id = gone.id
"""
_PUT_GROUPS = """
insert into groups (directory_id, generation, sequence, id, display_name, name_key, external_id,
                    deleted)
select * from unnest($1::uuid[], $2::integer[], $3::bigint[], $4::uuid[], $5::text[], $6::text[],
                     $7::text[], $8::boolean[])
on conflict (directory_id, id) do update set
  display_name = excluded.display_name, name_key = excluded.name_key,
  external_id = excluded.external_id, deleted = excluded.deleted,
  generation = excluded.generation, sequence = excluded.sequence
"""
_PUT_MEMBERSHIPS = """
insert into memberships (directory_id, generation, sequence, group_id, user_id)
select * from unnest($1::uuid[], $2::integer[], $3::bigint[], $4::uuid[], $5::uuid[])
on conflict (directory_id, user_id, group_id) do update set
  generation = excluded.generation, sequence = excluded.sequence
"""
_DELETE_MEMBERSHIPS = """
delete from memberships as m
using unnest($1::uuid[], $2::uuid[], $3::uuid[]) as gone (directory_id, group_id, user_id)
where m.directory_id = gone.directory_id
  and m.group_id = gone.group_id and m.user_id = gone.user_id
"""
_PUT_ASSIGNMENTS = """
insert into assignments (directory_id, user_id, role_key, reason, since, cause, waits)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::timestamptz[], $6::jsonb[], $7::jsonb[])
on conflict (directory_id, user_id, role_key) do update
  set reason = excluded.reason, since = excluded.since, cause = excluded.cause,
      waits = excluded.waits
"""
_PUT_GIVEN = """
insert into manual_assignments (directory_id, user_id, role_key, since, cause)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::jsonb[])
on conflict (directory_id, user_id, role_key) do update
  set since = excluded.since, cause = excluded.cause
"""
_DELETE_GIVEN = """
delete from manual_assignments as g
using unnest($1::uuid[], $2::uuid[], $3::text[]) as gone (directory_id, user_id, role_key)
where g.directory_id = gone.directory_id
  and g.user_id = gone.user_id and g.role_key = gone.role_key
"""
_DELETE_ASSIGNMENTS = """
delete from assignments as a
using unnest($1::uuid[], $2::uuid[], $3::text[]) as gone (directory_id, user_id, role_key)
where a.directory_id = gone.directory_id
  and a.user_id = gone.user_id and a.role_key = gone.role_key
"""


async def load(
    tx: db.Connection,
    directories: Mapping[DirectoryId, Directory],
    users: Iterable[tuple[DirectoryId, UserId]],
) -> dict[DirectoryId, Working]:
    """Return the part of each directory that concerns these users."""
    working = await _open(tx, directories)
    lasts = {(key, user) for key, part in working.items() for user in part.fence.lasts.values()}
    wanted = _columns({*users, *lasts})
    for row in await tx.fetch(_USERS, *wanted):
        working[row["directory_id"]].users[row["id"]] = rows.user(row)
    for row in await tx.fetch(_TIES, *wanted):
        _tie(working[row["directory_id"]], row)
    groups = {
        (key, group)
        for key, part in working.items()
        for joined in part.member_of.values()
        for group in joined
    }
    for row in await tx.fetch(_GROUPS, *_columns(groups)):
        working[row["directory_id"]].groups[row["id"]] = rows.group(row)
    return working


def _tie(part: Working, row: db.Record) -> None:
    user, key = row["user_id"], row["key"]
    match row["tie"]:
        case "member":
            part.member_of.setdefault(user, set()).add(GroupId(key))
        case "held":
            part.held.setdefault(user, {})[RoleKey(key)] = _held(row)
        case "given":
            given = Given(row["since"], Cause.model_validate(row["cause"]))
            part.given.setdefault(user, {})[RoleKey(key)] = given


def _columns(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    ordered = sorted(pairs)
    return [first for first, _ in ordered], [second for _, second in ordered]


async def _open(
    tx: db.Connection, directories: Mapping[DirectoryId, Directory]
) -> dict[DirectoryId, Working]:
    roles: dict[RoleKey, RoleRef] = {}
    privileged: set[RoleKey] = set()
    granted: dict[DirectoryId, list[tuple[GroupId, RoleKey]]] = {key: [] for key in directories}
    for row in await tx.fetch(_GRANTS, list(directories)):
        role = RoleKey(row["key"])
        roles[role] = RoleRef(key=role, name=row["name"])
        if row["privileged"]:
            privileged.add(role)
        if row["group_id"]:
            granted[row["directory_id"]].append((row["group_id"], role))
    fenced = await fences.load(tx, directories, sorted(privileged))
    return {
        key: Working(
            one,
            roles,
            GroupMapping(grouped(granted[key]), one.strategy, one.default_role, one.is_mapping_on),
            fence=fenced[key],
        )
        for key, one in directories.items()
    }


async def members(
    tx: db.Connection, directory: DirectoryId, groups: Iterable[GroupId]
) -> list[UserId]:
    """Return everybody who is in one of the groups, in order of ids."""
    return [UserId(row["user_id"]) for row in await tx.fetch(_MEMBERS, directory, list(groups))]


async def save(tx: db.Connection, parts: Sequence[Working]) -> None:
    """Store what a fold changed, each table in one statement for all directories."""
    await _save_users(tx, parts)
    await _save_groups(tx, parts)
    await _save_memberships(tx, parts)
    await _save_assignments(tx, parts)
    await _save_given(tx, parts)
    await fences.save(tx, parts)


async def _save_users(tx: db.Connection, parts: Sequence[Working]) -> None:
    edits = [(part, *edit) for part in parts for edit in part.edits.users.items()]
    put = [
        (*_stamp(part), key, user.user_name, name_key(user.user_name), user.external_id,
         user.active)
        for part, key, user in edits
        if user
    ]  # fmt: skip
    gone = [(part.directory.id, key) for part, key, user in edits if user is None]
    await _write(tx, _PUT_USERS, put)
    await _write(tx, _DELETE_USERS, gone)


async def _save_groups(tx: db.Connection, parts: Sequence[Working]) -> None:
    put = [
        (*_stamp(part), key, one.display_name, name_key(one.display_name), one.external_id, out)
        for part in parts
        for key, (one, out) in part.edits.groups.items()
    ]
    await _write(tx, _PUT_GROUPS, put)


async def _save_memberships(tx: db.Connection, parts: Sequence[Working]) -> None:
    edits = [(part, *edit) for part in parts for edit in part.edits.memberships.items()]
    put = [(*_stamp(part), *edge) for part, edge, is_there in edits if is_there]
    gone = [(part.directory.id, *edge) for part, edge, is_there in edits if not is_there]
    await _write(tx, _PUT_MEMBERSHIPS, put)
    await _write(tx, _DELETE_MEMBERSHIPS, gone)


def _stamp(part: Working) -> tuple[DirectoryId, int, int]:
    """Return what starts each row: its directory, and the event that told of it last."""
    return part.directory.id, part.position.generation, part.position.sequence


async def _save_assignments(tx: db.Connection, parts: Sequence[Working]) -> None:
    edits = [
        ((part.directory.id, *key), held) for part in parts for key, held in part.edits.held.items()
    ]
    put = [
        (*key, _json(held.reason), held.since, _json(held.cause),
         held.waits and fences.document(held.waits))
        for key, held in edits
        if held
    ]  # fmt: skip
    await _write(tx, _PUT_ASSIGNMENTS, put)
    await _write(tx, _DELETE_ASSIGNMENTS, [key for key, held in edits if held is None])


async def _save_given(tx: db.Connection, parts: Sequence[Working]) -> None:
    edits = [
        ((part.directory.id, *key), given)
        for part in parts
        for key, given in part.edits.given.items()
    ]
    put = [(*key, given.since, _json(given.cause)) for key, given in edits if given]
    await _write(tx, _PUT_GIVEN, put)
    await _write(tx, _DELETE_GIVEN, [key for key, given in edits if given is None])


async def _write(tx: db.Connection, statement: str, table: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement whose parameters are the columns of the table, unless it is empty."""
    if table:
        await tx.execute(statement, *map(list, zip(*table, strict=True)))


def _json(value: Contract) -> dict[str, object]:
    return value.model_dump(mode="json", by_alias=True)


def _held(row: db.Record) -> Held:
    return Held(
        Reason.model_validate(row["reason"]),
        row["since"],
        Cause.model_validate(row["cause"]),
        row["waits"] and fences.waits(row["waits"]),
    )
