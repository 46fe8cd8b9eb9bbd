"""Who held what on a date: gains and losses, appended in the transaction of their role events."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from services.roles.domain.values import Told
from shared import db
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId, RoleKey, UserId
from shared.contracts.management import PastAssignment
from shared.contracts.role_events import AssignmentEvent, RoleAssigned

_APPEND = """
insert into assignment_history (directory_id, generation, sequence, user_id, user_name, role_key,
                                role_name, held, at, reason, cause)
select * from unnest($1::uuid[], $2::integer[], $3::bigint[], $4::uuid[], $5::text[], $6::text[],
                     $7::text[], $8::boolean[], $9::timestamptz[], $10::jsonb[], $11::jsonb[])
"""
_ERASE = """
update assignment_history as h set user_name = ''
from unnest($1::uuid[], $2::uuid[]) as erased (directory_id, user_id)
where h.directory_id = erased.directory_id and h.user_id = erased.user_id
"""
# The last word by sequence, not by time: a save and a request have the time of two clocks.
_HELD = """
select user_id, user_name, role_key, role_name, at, reason, cause
from (
  select distinct on (user_id, role_key)
    user_id, user_name, role_key, role_name, held, at, reason, cause
  from assignment_history
  where directory_id = $1 and at <= $2
    and ($3::uuid is null or user_id = $3) and ($4::text is null or role_key = $4)
    and ($5::uuid is null or (user_id, role_key) > ($5, $6))
  order by user_id, role_key, generation desc, sequence desc) as last
where held order by user_id, role_key limit $7
"""


class Asked(NamedTuple):
    """Which assignments: held at a moment, by one user, of one role, behind a user and role."""

    at: datetime
    user: UserId | None = None
    role: RoleKey | None = None
    after: tuple[str, str] | None = None


class Chapter(NamedTuple):
    """Role events of one directory, in order, and the position of the last."""

    directory: DirectoryId
    last: Position
    told: Sequence[Told]


async def append(tx: db.Connection, chapters: Iterable[Chapter]) -> None:
    """Append what role events say of who holds what."""
    rows = [row for one in chapters for row in _rows(one)]
    if rows:
        await tx.execute(_APPEND, *map(list, zip(*rows, strict=True)))


async def erase(tx: db.Connection, users: Iterable[tuple[DirectoryId, UserId]]) -> None:
    """Forget the names of users who were erased; what they held stays, by their ids."""
    if found := list(users):
        await tx.execute(_ERASE, *map(list, zip(*found, strict=True)))


def _rows(of: Chapter) -> Iterator[tuple[object, ...]]:
    first = of.last.sequence - len(of.told) + 1
    for sequence, one in enumerate(of.told, first):
        if isinstance(event := one.event, AssignmentEvent):
            yield (
                of.directory,
                of.last.generation,
                sequence,
                event.user.id,
                event.user.user_name,
                event.role.key,
                event.role.name,
                isinstance(event, RoleAssigned),
                one.moment.time,
                event.reason.model_dump(mode="json", by_alias=True),
                event.cause.model_dump(mode="json", by_alias=True),
            )


async def held(
    connection: db.Connection, directory: DirectoryId, asked: Asked, most: int
) -> list[PastAssignment]:
    """Return who held what at a moment, by user and role, `most` of them."""
    after = asked.after or (None, None)
    rows = await connection.fetch(_HELD, directory, asked.at, asked.user, asked.role, *after, most)
    return [
        PastAssignment.model_validate(
            {
                "user_id": row["user_id"],
                "user_name": row["user_name"],
                "role": {"key": row["role_key"], "name": row["role_name"]},
                "since": row["at"],
                "reason": row["reason"],
                "cause": row["cause"],
            }
        )
        for row in rows
    ]
