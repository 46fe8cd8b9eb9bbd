"""Sessions, by keyed hash: whoever reads the table can sign in nowhere. Forms taken once."""

from datetime import datetime
from typing import NamedTuple

from services.portal.domain.access import IDLE, LONGEST
from shared import db
from shared.contracts.ids import OrganizationId

_INSERT_SESSION = """
insert into sessions (digest, organization_id, created_at, seen_at, link_id, actor)
values ($1, $2, $3, $3, $4, $5)
"""
_SESSION = """
select organization_id, actor, seen_at from sessions
where digest = $1 and seen_at > $2 and created_at > $3
"""
_SEEN = "update sessions set seen_at = $2 where digest = $1"
_END_OF_LINK = "delete from sessions where link_id = $1"
_END = "delete from sessions where digest = $1"
_TAKE = "insert into submissions (key, taken_at) values ($1, $2) on conflict do nothing returning 1"
_GIVE_BACK = "delete from submissions where key = $1"
_FORGET_SESSIONS = "delete from sessions where seen_at < $1 or created_at < $2"
_FORGET_SUBMISSIONS = "delete from submissions where taken_at < $1"
_SEEN_EVERY_S = 60


async def insert(
    tx: db.Connection,
    digest: bytes,
    organization: OrganizationId | None,
    now: datetime,
    link: str | None = None,
    actor: str | None = None,
) -> None:
    """Store a new session: that of a link, or of somebody who has a name."""
    await tx.execute(_INSERT_SESSION, digest, organization, now, link, actor)


class Found(NamedTuple):
    """A live session: the organization, None for all, and the name of who acts, if known."""

    organization: OrganizationId | None
    actor: str | None


async def find(
    connection: db.Connection, digest: bytes, now: datetime, *, is_act: bool = True
) -> Found | None:
    """Return a live session, or None.

    An act of a person keeps it alive; what a page does by itself does not.
    """
    row = await connection.fetchrow(_SESSION, digest, now - IDLE, now - LONGEST)
    if row is None:
        return None
    if is_act and (now - row["seen_at"]).total_seconds() > _SEEN_EVERY_S:
        await connection.execute(_SEEN, digest, now)
    return Found(row["organization_id"], row["actor"])


async def end(connection: db.Connection, digest: bytes) -> None:
    """End a session."""
    await connection.execute(_END, digest)


async def forget_ended(connection: db.Connection, now: datetime) -> None:
    """Delete sessions that ended, and forms that nobody sends again."""
    await connection.execute(_FORGET_SESSIONS, now - IDLE, now - LONGEST)
    await connection.execute(_FORGET_SUBMISSIONS, now - LONGEST)


async def end_of_link(connection: db.Connection, link: str) -> None:
    """End all sessions that a link opened."""
    await connection.execute(_END_OF_LINK, link)


async def take_submission(connection: db.Connection, key: str, now: datetime) -> bool:
    """Tell whether a form is sent for the first time."""
    return bool(await connection.fetchval(_TAKE, key, now))


async def give_submission_back(connection: db.Connection, key: str) -> None:
    """Let a form be sent again whose act failed."""
    await connection.execute(_GIVE_BACK, key)
