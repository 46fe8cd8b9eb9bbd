"""The fences of directories: their rules, what they count, and the losses that wait."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from services.roles.domain.fence import Fence, Rules, Window
from services.roles.domain.values import Waiting
from services.roles.domain.working import Working
from shared import db
from shared.contracts.directory_events import UserRef
from shared.contracts.ids import DirectoryId, RoleKey, UserId
from shared.contracts.management import WaitingLoss
from shared.contracts.role_events import RoleRef

_LOAD = """
select directory_id, is_on, percent, least, window_s, assigned, waiting, holders, lasts,
       window_began, window_assigned, window_lost, raised_at, judged
from fences where directory_id = any($1::uuid[])
"""
_COUNT = "select count(*) from assignments where directory_id = $1"
_COUNT_HOLDERS = """
select role_key, count(*) as users from assignments
where directory_id = $1 and role_key = any($2::text[]) and waits is null group by role_key
"""
_SAVE = """
insert into fences (directory_id, assigned, waiting, holders, lasts, window_began, window_assigned,
                    window_lost, raised_at, judged)
select * from unnest($1::uuid[], $2::integer[], $3::integer[], $4::jsonb[], $5::jsonb[],
                     $6::timestamptz[], $7::integer[], $8::integer[], $9::timestamptz[],
                     $10::text[])
on conflict (directory_id) do update set
  assigned = excluded.assigned, waiting = excluded.waiting, holders = excluded.holders,
  lasts = excluded.lasts, window_began = excluded.window_began,
  window_assigned = excluded.window_assigned, window_lost = excluded.window_lost,
  raised_at = excluded.raised_at, judged = excluded.judged
"""
_SET_RULES = """
insert into fences (directory_id, is_on, percent, least, window_s) values ($1, $2, $3, $4, $5)
on conflict (directory_id) do update set is_on = excluded.is_on, percent = excluded.percent,
  least = excluded.least, window_s = excluded.window_s
"""
# Who is privileged no longer is counted no longer, or the count would be wrong when it is again.
_FORGET_HOLDERS = "update fences set holders = holders - $1::text where holders ? $1"
_RAISED = """
select directory_id, waiting from fences where waiting > 0 order by directory_id limit 1000
"""
_WAITING = """
select a.user_id, a.role_key, r.name, a.reason, a.waits
from assignments as a join roles as r on r.key = a.role_key
where a.directory_id = $1 and a.waits is not null
order by a.user_id, a.role_key limit $2
"""
_COUNT_WAITING = """
select count(distinct user_id) from assignments where directory_id = $1 and waits is not null
"""
_WAITING_BEHIND = """
select distinct user_id from assignments
where directory_id = $1 and waits is not null and ($2::uuid is null or user_id > $2)
order by user_id limit $3
"""


async def load(
    tx: db.Connection, directories: Iterable[DirectoryId], privileged: Sequence[RoleKey]
) -> dict[DirectoryId, Fence]:
    """Return the fence of each directory; what was never counted is counted now."""
    wanted = list(directories)
    stored = {row["directory_id"]: row for row in await tx.fetch(_LOAD, wanted)}
    return {key: await _counted(tx, key, stored.get(key), privileged) for key in wanted}


async def _counted(
    tx: db.Connection, key: DirectoryId, row: "db.Record | None", privileged: Sequence[RoleKey]
) -> Fence:
    fence = _fence(row) if row else Fence(Rules())
    fence.stored = _columns(fence) if row else None
    if row is None or row["assigned"] is None:
        fence.assigned, fence.stored = int(await tx.fetchval(_COUNT, key)), None
    missing = [role for role in privileged if role not in fence.holders]
    if missing:
        rows = await tx.fetch(_COUNT_HOLDERS, key, missing)
        fence.holders |= dict.fromkeys(missing, 0) | {one["role_key"]: one["users"] for one in rows}
    return fence


async def save(tx: db.Connection, parts: Iterable[Working]) -> None:
    """Store the fences that are not as they are stored."""
    columns = [(part, _columns(part.fence)) for part in parts]
    rows = [(part.directory.id, *row) for part, row in columns if row != part.fence.stored]
    if rows:
        await tx.execute(_SAVE, *map(list, zip(*rows, strict=True)))
    for part, row in columns:
        part.fence.stored = row


def _columns(fence: Fence) -> tuple[object, ...]:
    window = fence.window
    return (
        fence.assigned,
        fence.waiting,
        dict(fence.holders),
        dict(fence.lasts),
        window and window.began,
        window and window.assigned,
        window and window.lost,
        fence.raised_at,
        fence.judged,
    )


def _fence(row: db.Record) -> Fence:
    window = None
    if row["window_began"]:
        window = Window(row["window_began"], row["window_assigned"], row["window_lost"])
    return Fence(
        Rules(row["is_on"], row["percent"], row["least"], row["window_s"]),
        row["assigned"] or 0,
        row["waiting"],
        row["holders"],
        window,
        row["raised_at"],
        row["lasts"],
        row["judged"],
    )


async def set_rules(tx: db.Connection, directory: DirectoryId, rules: Rules) -> None:
    """Store how much a locked directory may lose."""
    await tx.execute(_SET_RULES, directory, rules.is_on, rules.percent, rules.least, rules.window_s)


async def forget_holders(tx: db.Connection, role: RoleKey) -> None:
    """Count the holders of a role anew when it is privileged again."""
    await tx.execute(_FORGET_HOLDERS, role)


async def raised(connection: db.Connection) -> dict[DirectoryId, int]:
    """Return how many losses wait in each directory in which some do; of 1000 at most."""
    rows = await connection.fetch(_RAISED)
    return {DirectoryId(row["directory_id"]): row["waiting"] for row in rows}


async def losses(connection: db.Connection, directory: DirectoryId, most: int) -> list[WaitingLoss]:
    """Return the losses that wait, `most` of them, by user."""
    rows = await connection.fetch(_WAITING, directory, most)
    return [
        WaitingLoss(
            user=row["waits"]["user"],
            role=RoleRef(key=row["role_key"], name=row["name"]),
            reason=row["reason"],
            why=row["waits"]["why"],
            since=row["waits"]["since"],
        )
        for row in rows
    ]


async def count_waiting(tx: db.Connection, directory: DirectoryId) -> int:
    """Return of how many users losses wait."""
    return int(await tx.fetchval(_COUNT_WAITING, directory))


async def waiting(
    tx: db.Connection, directory: DirectoryId, last: UserId | None, most: int
) -> list[UserId]:
    """Return the next users whose losses wait, in order of ids."""
    rows = await tx.fetch(_WAITING_BEHIND, directory, last, most)
    return [UserId(row["user_id"]) for row in rows]


def document(waits: Waiting) -> dict[str, object]:
    """Return how a loss that waits is stored."""
    return {
        "why": waits.why,
        "since": waits.since.isoformat(),
        "lost": waits.lost,
        "user": waits.user.model_dump(mode="json", by_alias=True),
    }


def waits(stored: dict[str, Any]) -> Waiting:
    """Return a loss that waits, as it is stored."""
    since = datetime.fromisoformat(stored["since"])
    user = UserRef.model_validate(stored["user"])
    return Waiting(stored["why"], since, user, stored["lost"])
