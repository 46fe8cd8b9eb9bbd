"""Rollouts: what is on its way through a directory, whom it concerns, and how far it is."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.roles.domain.remapping import Change
from services.roles.domain.rollouts import Pending, Rollout
from services.roles.domain.rule import GroupMapping
from services.roles.domain.values import Moment
from services.roles.domain.working import Working
from services.roles.store import fences, untold
from shared import db
from shared.contracts.directory_events import Cause
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId, GroupId, RoleKey, UserId
from shared.contracts.management import Progress

_COLUMNS = """id, directory_id, time, cause, causation_id, change, group_ids, begin_generation,
  begin_sequence, restates, last_user, done, total"""
_INSERT = """
with flagged as (update directories set unsettled = true where id = $1 and not unsettled)
insert into rollouts (directory_id, time, cause, causation_id, change, group_ids,
  begin_generation, begin_sequence, restates, total)
values ($1, $2, $3, $4, $5, $6::uuid[], $7, $8, $9, $10)
"""
_OF = f"select {_COLUMNS} from rollouts where directory_id = any($1::uuid[]) order by id"
# The one that waited longest, so that a large one does not hold up a small one elsewhere.
_CLAIM = f"""
select {_COLUMNS} from rollouts as r
where not exists (select from rollouts as older
                  where older.directory_id = r.directory_id and older.id < r.id)
order by advanced_at, id limit 1 for update skip locked
"""
_ADVANCE = """
update rollouts set last_user = $3, done = $4, advanced_at = clock_timestamp()
where directory_id = $1 and id = $2
"""
_END = "delete from rollouts where directory_id = $1 and id = $2"
_SETTLED = """
update directories set unsettled = false
where id = $1 and not exists (select from rollouts where directory_id = $1)
returning id
"""
_FORGET_REACHED = "delete from reached_users where directory_id = $1"
_REACHED = """
select directory_id, user_id, rollout_id
from unnest($1::uuid[], $2::uuid[]) as wanted (directory_id, user_id)
join reached_users using (directory_id, user_id)
"""
_NOTE_REACHED = """
insert into reached_users (directory_id, user_id, rollout_id)
select * from unnest($1::uuid[], $2::uuid[], $3::bigint[])
on conflict (directory_id, user_id) do update set rollout_id = excluded.rollout_id
"""
_COUNT_MEMBERS = """
select count(distinct user_id) from memberships
where directory_id = $1 and group_id = any($2::uuid[])
"""
# Each group is read in order of ids, and no further than needed.
_MEMBERS_BEHIND = """
select distinct m.user_id
from unnest($2::uuid[]) as wanted (group_id)
cross join lateral (
  select user_id from memberships
  where directory_id = $1 and group_id = wanted.group_id and ($3::uuid is null or user_id > $3)
  order by user_id limit $4) as m
order by m.user_id limit $4
"""
_EVERYBODY = """
  (select id as user_id from users
   where directory_id = $1 and ($2::uuid is null or id > $2) order by id limit $3)
  union (select distinct user_id from assignments
   where directory_id = $1 and ($2::uuid is null or user_id > $2) order by user_id limit $3)
  union (select distinct user_id from memberships
   where directory_id = $1 and ($2::uuid is null or user_id > $2) order by user_id limit $3)
"""
_EVERYBODY_BEHIND = f"select user_id from ({_EVERYBODY}) as each order by user_id limit $3"
_COUNT_EVERYBODY = """
select count(*) from (
  select id from users where directory_id = $1
  union select user_id from assignments where directory_id = $1
  union select user_id from memberships where directory_id = $1) as each
"""
# What an effect follows from: who is in which groups, who is active, what is given by hand.
_INPUTS = """
with concerned as (
  select distinct user_id from memberships
  where directory_id = $1 and group_id = any($2::uuid[])
  union select id from users where directory_id = $1 and $2::uuid[] is null),
inputs as (
  select hashtextextended(concat(user_id, m.group_id), 0) as mark
  from concerned join memberships as m using (user_id) where m.directory_id = $1
  union all
  select hashtextextended(concat(user_id, g.role_key, g.cause), 1)
  from concerned join manual_assignments as g using (user_id) where g.directory_id = $1
  union all
  select hashtextextended(concat(user_id, u.active), 2)
  from concerned join users as u on u.id = user_id where u.directory_id = $1)
select count(*) as inputs, coalesce(sum(mark), 0) as mark from inputs
"""
_PROGRESS = """
select sum(done)::bigint as done, sum(total)::bigint as total, min(started_at) as since
from rollouts where directory_id = $1 having count(*) > 0
"""
_COUNT = "select count(*) from rollouts where directory_id = $1"


@dataclass(frozen=True, slots=True)
class Inputs:
    """Stands for what is known of some users; equal where nothing that counts has changed."""

    count: int
    mark: int


async def inputs(
    tx: db.Connection, directory: DirectoryId, groups: Collection[GroupId] | None
) -> Inputs:
    """Return what stands for everything known of those in one of the groups, or of all users."""
    row = await tx.fetchrow(_INPUTS, directory, None if groups is None else list(groups))
    return Inputs(row["inputs"], int(row["mark"]))


async def insert(tx: db.Connection, new: Rollout) -> None:
    """Store a new rollout of a locked directory, behind those that there are."""
    begin = new.begin
    await tx.execute(
        _INSERT,
        new.directory,
        new.moment.time,
        new.moment.cause.model_dump(mode="json", by_alias=True),
        new.moment.causation_id,
        _document(new),
        None if new.groups is None else sorted(new.groups),
        begin and begin.generation,
        begin and begin.sequence,
        new.restates,
        new.total,
    )


async def count(tx: db.Connection, directory: DirectoryId) -> int:
    """Return how many rollouts of a directory have not ended."""
    return int(await tx.fetchval(_COUNT, directory))


async def progress(connection: db.Connection, directory: DirectoryId) -> Progress | None:
    """Return how far the rollouts of a directory are, together; None when there are none."""
    row = await connection.fetchrow(_PROGRESS, directory)
    return row and Progress(done=min(row["done"], row["total"]), total=row["total"],
                            since=row["since"])  # fmt: skip


async def claim(tx: db.Connection) -> Rollout | None:
    """Return the rollout that waited longest, locked; None when none is free."""
    row = await tx.fetchrow(_CLAIM)
    return row and _rollout(row)


async def advance(tx: db.Connection, reached: Rollout) -> None:
    """Store how far a rollout is."""
    await tx.execute(_ADVANCE, reached.directory, reached.id, reached.last, reached.done)


async def end(tx: db.Connection, ended: Rollout) -> None:
    """Forget a rollout that has reached everybody, and with the last one who was reached early."""
    await tx.execute(_END, ended.directory, ended.id)
    if await tx.fetchval(_SETTLED, ended.directory):
        await tx.execute(_FORGET_REACHED, ended.directory)


async def pending(
    tx: db.Connection, parts: Iterable[Working], users: Collection[tuple[DirectoryId, UserId]]
) -> dict[DirectoryId, Pending]:
    """Return the rollouts of those directories that have some, for these users of theirs."""
    unsettled = [part.directory.id for part in parts if part.directory.is_unsettled]
    found = {key: Pending() for key in unsettled}
    if not found:
        return found
    rollouts: dict[DirectoryId, list[Rollout]] = {key: [] for key in unsettled}
    for row in await tx.fetch(_OF, unsettled):
        rollouts[row["directory_id"]].append(_rollout(row))
    concerned = [one for one in users if one[0] in found]
    columns = [key for key, _ in concerned], [user for _, user in concerned]
    for row in await tx.fetch(_REACHED, *columns):
        found[row["directory_id"]].reached[row["user_id"]] = row["rollout_id"]
    for key, one in found.items():
        one.rollouts = rollouts[key]
        await _fill(tx, key, one, [user for directory, user in concerned if directory == key])
    return found


async def _fill(
    tx: db.Connection, directory: DirectoryId, found: Pending, users: Sequence[UserId]
) -> None:
    for one in found.rollouts:
        if one.begin:
            found.untold[one.id] = await untold.since(tx, directory, one.begin, users)


async def note(tx: db.Connection, found: dict[DirectoryId, Pending]) -> None:
    """Store whom rollouts reached early."""
    rows = [
        (key, user, one.reached[user]) for key, one in found.items() for user in sorted(one.newly)
    ]
    if rows:
        await tx.execute(_NOTE_REACHED, *map(list, zip(*rows, strict=True)))


async def count_users(
    tx: db.Connection, directory: DirectoryId, groups: Collection[GroupId] | None
) -> int:
    """Return how many are in one of the groups.

    Without groups all: users, and whoever is named by a role or a membership.
    """
    if groups is None:
        return int(await tx.fetchval(_COUNT_EVERYBODY, directory))
    return int(await tx.fetchval(_COUNT_MEMBERS, directory, list(groups)))


async def next_of(tx: db.Connection, one: Rollout, most: int) -> list[UserId]:
    """Return the next users whom a rollout concerns, in order of ids."""
    if one.releases:
        return await fences.waiting(tx, one.directory, one.last, most)
    return await behind(tx, one.directory, one.groups, one.last, most)


async def behind(
    tx: db.Connection,
    directory: DirectoryId,
    groups: Collection[GroupId] | None,
    last: UserId | None,
    most: int,
) -> list[UserId]:
    """Return the next users, in order of ids: of these groups, or of all."""
    if groups is None:
        rows = await tx.fetch(_EVERYBODY_BEHIND, directory, last, most)
    else:
        rows = await tx.fetch(_MEMBERS_BEHIND, directory, list(groups), last, most)
    return [UserId(row["user_id"]) for row in rows]


def _rollout(row: db.Record) -> Rollout:
    return Rollout(
        DirectoryId(row["directory_id"]),
        _moment(row["time"], row["cause"], row["causation_id"]),
        _change(row["change"]),
        row["total"],
        groups=None if row["group_ids"] is None else frozenset(map(GroupId, row["group_ids"])),
        begin=_begin(row),
        restates=row["restates"],
        releases=row["change"].get("releases", False),
        is_resyncing=row["change"]["is_resyncing"],
        losses=row["change"].get("losses", 0),
        last=row["last_user"] and UserId(row["last_user"]),
        done=row["done"],
        id=row["id"],
    )


def _moment(time: datetime, cause: object, causation_id: str | None) -> Moment:
    return Moment(time, Cause.model_validate(cause), causation_id)


def _document(new: Rollout) -> dict[str, object]:
    after = new.change.after
    return {
        "rows": [[group, sorted(roles)] for group, roles in after.rows.items()],
        "strategy": after.strategy,
        "default_role": after.default_role,
        "is_on": after.is_on,
        "switch": new.change.switch,
        "releases": new.releases,
        "is_resyncing": new.is_resyncing,
        "losses": new.losses,
    }


def _change(stored: dict[str, Any]) -> Change:
    rows = {GroupId(group): frozenset(map(RoleKey, roles)) for group, roles in stored["rows"]}
    mapping = GroupMapping(rows, stored["strategy"], stored["default_role"], stored["is_on"])
    return Change(mapping, stored["switch"])


def _begin(row: db.Record) -> Position | None:
    generation = row["begin_generation"]
    return None if generation is None else Position(generation, row["begin_sequence"])
