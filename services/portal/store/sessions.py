"""Sign-in links and sessions, by keyed hash: whoever reads the tables can sign in nowhere."""

from datetime import datetime

from services.portal.domain import IDLE, LONGEST, GoneError, LinkKind
from shared import db
from shared.contracts.ids import OrganizationId

_INSERT_LINK = """
insert into links (digest, kind, organization_id, created_at, expires_at)
values ($1, $2, $3, $4, $5)
"""
_LINK = """
select 1 from links
where digest = $1 and expires_at > $2 and (kind <> 'redirect' or used_at is null)
"""
# One statement, so that two presses on a single-use link cannot both pass.
_USE_LINK = """
update links set used_at = $2
where digest = $1 and expires_at > $2 and (kind <> 'redirect' or used_at is null)
returning organization_id
"""
_INSERT_SESSION = """
insert into sessions (digest, organization_id, created_at, seen_at) values ($1, $2, $3, $3)
"""
_SESSION = """
select organization_id, seen_at from sessions
where digest = $1 and seen_at > $2 and created_at > $3
"""
_SEEN = "update sessions set seen_at = $2 where digest = $1"
_END = "delete from sessions where digest = $1"
_TAKE = "insert into submissions (key, taken_at) values ($1, $2) on conflict do nothing returning 1"
_SEEN_EVERY_S = 60


async def insert_link(
    tx: db.Connection,
    digest: bytes,
    kind: LinkKind,
    organization: OrganizationId | None,
    *,
    created_at: datetime,
    expires_at: datetime,
) -> None:
    """Store a new link."""
    await tx.execute(_INSERT_LINK, digest, kind, organization, created_at, expires_at)


async def is_link_good(connection: db.Connection, digest: bytes, now: datetime) -> bool:
    """Tell whether a link would sign in; looking does not use it up."""
    return bool(await connection.fetchval(_LINK, digest, now))


async def use_link(tx: db.Connection, digest: bytes, now: datetime) -> OrganizationId | None:
    """Use a link; return the organization it opens, None for all. Raises GoneError."""
    row = await tx.fetchrow(_USE_LINK, digest, now)
    if row is None:
        raise GoneError
    found: OrganizationId | None = row["organization_id"]
    return found


async def insert(
    tx: db.Connection, digest: bytes, organization: OrganizationId | None, now: datetime
) -> None:
    """Store a new session."""
    await tx.execute(_INSERT_SESSION, digest, organization, now)


async def find(
    connection: db.Connection, digest: bytes, now: datetime
) -> tuple[OrganizationId | None] | None:
    """Return the organization of a live session in a tuple of one, or None; note that it lives."""
    row = await connection.fetchrow(_SESSION, digest, now - IDLE, now - LONGEST)
    if row is None:
        return None
    if (now - row["seen_at"]).total_seconds() > _SEEN_EVERY_S:
        await connection.execute(_SEEN, digest, now)
    return (row["organization_id"],)


async def end(connection: db.Connection, digest: bytes) -> None:
    """End a session."""
    await connection.execute(_END, digest)


async def take_submission(connection: db.Connection, key: str, now: datetime) -> bool:
    """Tell whether a form is sent for the first time."""
    return bool(await connection.fetchval(_TAKE, key, now))
