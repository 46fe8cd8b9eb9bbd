"""Sign-in links by keyed hash, listed and revoked by an id that opens nothing."""

from collections.abc import Sequence
from datetime import datetime

from services.portal.domain.access import LinkKind, LinkRow
from services.portal.domain.errors import GoneError
from shared import db
from shared.contracts.ids import OrganizationId
from shared.contracts.role_events import RoleAssigned
from shared.contracts.topics import ROLE_EVENTS

_INSERT = """
insert into links (digest, id, kind, organization_id, created_at, expires_at, created_by)
values ($1, $2, $3, $4, $5, $6, $7)
"""
# What is new takes the place of what was mailed before: one invitation opens at a time.
_SUPERSEDE = """
update links set revoked_at = $2
where organization_id = $1 and kind = 'invitation' and revoked_at is null and expires_at > $2
"""
# Set-up is complete with the first role that was given out: what was mailed before then ends.
_GOOD = """
digest = $1 and expires_at > $2 and revoked_at is null
and (kind <> 'redirect' or used_at is null)
and (kind <> 'invitation' or not exists (
  select from projector.portal_directories as d
  cross join lateral (
    select e.time from projector.portal_events as e
    where e.directory_id = d.id and e.topic = $3 and e.type = $4
    order by e.generation, e.sequence limit 1) as first
  where d.organization_id = links.organization_id and first.time > links.created_at))
"""
_LINK = f"select 1 from links where {_GOOD}"
# One statement, so that two presses on a single-use link cannot both pass.
_USE = f"update links set used_at = $2 where {_GOOD} returning organization_id, id"
_LISTED = """
select id, kind, organization_id, created_at, created_by, expires_at, used_at, revoked_at
from links where organization_id = $1 and created_at > $2 order by created_at desc limit 100
"""
_REVOKE = """
update links set revoked_at = coalesce(revoked_at, $3) where organization_id = $1 and id = $2
returning id
"""
_SET_UP = (ROLE_EVENTS.name, RoleAssigned.type)


async def insert(tx: db.Connection, digest: bytes, link: LinkRow) -> None:
    """Store a new link; an invitation takes the place of the ones before it."""
    if link.kind == "invitation":
        await tx.execute(_SUPERSEDE, link.organization, link.created_at)
    await tx.execute(
        _INSERT,
        digest,
        link.id,
        link.kind,
        link.organization,
        link.created_at,
        link.expires_at,
        link.created_by,
    )


async def is_good(connection: db.Connection, digest: bytes, now: datetime) -> bool:
    """Tell whether a link would sign in; looking does not use it up."""
    return bool(await connection.fetchval(_LINK, digest, now, *_SET_UP))


async def use(tx: db.Connection, digest: bytes, now: datetime) -> tuple[OrganizationId | None, str]:
    """Use a link; return the organization it opens, None for all, and its id. Raises GoneError."""
    row = await tx.fetchrow(_USE, digest, now, *_SET_UP)
    if row is None:
        raise GoneError
    return row["organization_id"], row["id"]


async def listed(
    connection: db.Connection, organization: OrganizationId, since: datetime
) -> Sequence[LinkRow]:
    """Return the links of an organization that were made since then, the newest first."""
    return [
        LinkRow(
            row["id"],
            kind(row["kind"]),
            row["organization_id"],
            row["created_at"],
            row["expires_at"],
            row["created_by"],
            row["used_at"],
            row["revoked_at"],
        )
        for row in await connection.fetch(_LISTED, organization, since)
    ]


def kind(text: str) -> LinkKind:
    """Return the kind that a column holds."""
    kinds: dict[str, LinkKind] = {
        "invitation": "invitation", "redirect": "redirect", "operator": "operator",
    }  # fmt: skip
    return kinds[text]


async def revoke(tx: db.Connection, organization: OrganizationId, key: str, now: datetime) -> bool:
    """End a link; tell whether the organization has it. A second time changes nothing."""
    return bool(await tx.fetchval(_REVOKE, organization, key, now))
