"""Organizations, directories and tokens."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.ingest.domain.directories import Directory, Organization, UnknownError
from services.ingest.domain.peppers import Digest
from services.ingest.domain.rates import Limit
from services.ingest.domain.tokens import Access, Token
from services.ingest.scim import declaration
from services.ingest.scim.definitions import TYPES
from shared import db, outbox
from shared.contracts.ids import DirectoryId, OrganizationId, is_id
from shared.contracts.topics import lane_of

_INSERT_ORGANIZATION = """
insert into organizations (id, name, created_at) values ($1, $2, $3)
on conflict (name) do nothing
"""
_ORGANIZATION_BY_NAME = "select id, name, created_at from organizations where name = $1"
_ORGANIZATION = "select id, name, created_at from organizations where id = $1"
_ORGANIZATIONS = "select id, name, created_at from organizations order by lower(name), id"
_INSERT_DIRECTORY = """
insert into directories (id, organization_id, name, provider, created_at)
values ($1, $2, $3, $4, $5)
"""
# Only where the published position lags is the outbox looked at.
_FROM_DIRECTORIES = """
select d.id, d.organization_id, d.name, d.provider, d.created_at, d.last_request_at,
       coalesce(delay.seconds, 0) as delayed_s, d.state, d.state_since, d.state_by
from directories as d
left join lateral (
  select extract(epoch from clock_timestamp() - first.created_at)::float8 as seconds
  from directory_sequences as s
  left join relay_positions as p on p.directory_id = s.directory_id
  cross join lateral (
    select created_at from outbox
    where outbox.lane = s.lane and outbox.directory_id = s.directory_id
    order by outbox.id limit 1) as first
  where s.directory_id = d.id
    and (p.generation, p.sequence) is distinct from (s.generation, s.sequence)) as delay on true
"""
_DIRECTORY = f"{_FROM_DIRECTORIES} where d.id = $1"
_DIRECTORIES = f"""{_FROM_DIRECTORIES}
where $1::uuid is null or d.organization_id = $1
order by d.created_at, d.id
"""
# The request log's key ends with the newest call, whatever became of it.
_PULSES = """
select d.organization_id, md5(string_agg(
  concat_ws('/', d.id, d.last_request_at, tokens.number, tokens.changed_at, newest.id), ','
  order by d.id)) as mark
from directories as d
cross join lateral (
  select count(*) as number, max(greatest(created_at, revoked_at, first_used_at)) as changed_at
  from tokens where tokens.directory_id = d.id) as tokens
left join lateral (
  select id from requests where requests.directory_id = d.id order by id desc limit 1) as newest
  on true
where d.organization_id = any($1::uuid[]) group by d.organization_id
"""
_LOCK_DIRECTORY = "select 1 from directories where id = $1 for no key update"
_ISSUE = """
insert into tokens (id, directory_id, label, digest, last_four, created_at, expires_at, pepper_key)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_TOKENS = """
select id, directory_id, label, digest, last_four, created_at, expires_at, revoked_at, last_used_at,
       first_used_at, pepper_key
from tokens where directory_id = $1 order by created_at, id
"""
_REVOKE = """
update tokens set revoked_at = coalesce(revoked_at, $3) where directory_id = $1 and id = $2
returning id
"""
_REVOKE_ALL = "update tokens set revoked_at = $2 where directory_id = $1 and revoked_at is null"
_SET_STATE = """
update directories set state = $2, state_since = $3, state_by = $4 where id = $1
"""
# In the order in which they refer to each other.
_EMPTY = (
    "delete from memberships where directory_id = $1",
    "delete from groups where directory_id = $1",
    "delete from users where directory_id = $1",
)
_PATIENCE = "set local statement_timeout = 0"
_PATIENCE_S = 20.0
_CHANGE_LIMIT = "update directories set requests_per_second = $2, burst = $3 where id = $1"
_ACCESS = """
select t.digest, t.pepper_key, t.directory_id, t.expires_at, d.organization_id, d.provider,
       d.requests_per_second, d.burst, d.state = 'paused' as is_paused, (
  select jsonb_agg(
    jsonb_build_object('resourceType', s.resource_type, 'schema', s.document) order by s.urn_key
  )::text
  from directory_schemas as s where s.directory_id = d.id
) as declared
from tokens as t join directories as d on d.id = t.directory_id
where t.id = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > now())
"""
_RESEAL = """
update tokens set digest = $4, pepper_key = $5
where directory_id = $1 and id = $2 and digest = $3
"""
_RECORD_USE = """
with used as (select * from unnest($1::text[], $2::timestamptz[]) as u (id, at)),
marked as (
  update tokens set last_used_at = used.at,
    first_used_at = coalesce(first_used_at, last_used_at, used.at)
  from used where tokens.id = used.id
  returning tokens.directory_id, used.at)
update directories set last_request_at = latest.at
from (select directory_id, max(at) as at from marked group by directory_id) as latest
where directories.id = latest.directory_id
"""


async def find_or_insert_organization(
    tx: db.Connection, organization: Organization
) -> Organization:
    """Return the organization of that name, stored now unless it was there."""
    await tx.execute(
        _INSERT_ORGANIZATION, organization.id, organization.name, organization.created_at
    )
    row = await tx.fetchrow(_ORGANIZATION_BY_NAME, organization.name)
    return _organization(row)


async def organization(connection: db.Connection, key: str) -> Organization:
    """Return an organization. Raises UnknownError."""
    row = await connection.fetchrow(_ORGANIZATION, key) if is_id(key) else None
    if row is None:
        raise UnknownError(f"There is no organization {key}; list them with GET /v1/organizations.")
    return _organization(row)


async def organizations(connection: db.Connection) -> list[Organization]:
    """Return all organizations by name."""
    return [_organization(row) for row in await connection.fetch(_ORGANIZATIONS)]


async def insert(tx: db.Connection, directory: Directory) -> None:
    """Store a new directory and open its history on its lane."""
    await tx.execute(
        _INSERT_DIRECTORY,
        directory.id,
        directory.organization,
        directory.name,
        directory.provider,
        directory.created_at,
    )
    await outbox.open_history(tx, directory.id, lane_of(directory.id))


async def get(connection: db.Connection, key: str) -> Directory:
    """Return a directory. Raises UnknownError."""
    row = await connection.fetchrow(_DIRECTORY, key) if is_id(key) else None
    if row is None:
        raise UnknownError(f"There is no directory {key}; list them with GET /v1/directories.")
    return _directory(row)


async def lock(tx: db.Connection, key: str) -> Directory:
    """Return a directory whose state nobody else changes until commit. Raises UnknownError."""
    if is_id(key):
        await tx.fetchval(_LOCK_DIRECTORY, key)
    return await get(tx, key)


async def set_state(tx: db.Connection, directory: Directory) -> None:
    """Store the state that a directory is in, since when and by whom."""
    await tx.execute(
        _SET_STATE, directory.id, directory.state, directory.state_since, directory.state_by
    )


async def empty(tx: db.Connection, directory: DirectoryId) -> None:
    """Delete all users, groups and memberships; of a large directory that takes seconds."""
    await tx.execute(_PATIENCE)
    for statement in _EMPTY:
        await tx.execute(statement, directory, timeout=_PATIENCE_S)


async def revoke_all(tx: db.Connection, directory: DirectoryId, now: datetime) -> None:
    """End all tokens of a directory."""
    await tx.execute(_REVOKE_ALL, directory, now)


async def listed(connection: db.Connection, organization_id: str | None) -> list[Directory]:
    """Return the directories of an organization, or of all."""
    return [_directory(row) for row in await connection.fetch(_DIRECTORIES, organization_id)]


async def pulses(
    connection: db.Connection, organizations: Sequence[str]
) -> dict[OrganizationId, str]:
    """Return a mark for each organization that has a directory; it differs once anything did."""
    rows = await connection.fetch(_PULSES, organizations)
    return {OrganizationId(row["organization_id"]): row["mark"] for row in rows}


async def change_limit(tx: db.Connection, key: DirectoryId, limit: Limit | None) -> None:
    """Store the limit of a directory; None stands for the default."""
    values = (limit.per_second, limit.burst) if limit else (None, None)
    await tx.execute(_CHANGE_LIMIT, key, *values)


async def insert_token(tx: db.Connection, token: Token) -> None:
    """Store a new token."""
    await tx.execute(
        _ISSUE,
        token.id,
        token.directory,
        token.label,
        token.digest.value,
        token.last_four,
        token.created_at,
        token.expires_at,
        token.digest.pepper,
    )


async def tokens(connection: db.Connection, directory: DirectoryId) -> list[Token]:
    """Return the tokens of a directory, also those that no longer live."""
    return [_token(row) for row in await connection.fetch(_TOKENS, directory)]


async def revoke(tx: db.Connection, directory: DirectoryId, key_id: str, now: datetime) -> None:
    """End a token; a second time changes nothing. Raises UnknownError."""
    if not await tx.fetchval(_REVOKE, directory, key_id, now):
        raise UnknownError(f"This directory has no token {key_id}; list them with GET …/tokens.")


async def access(connection: db.Connection, key_id: str) -> tuple[Digest, Access] | None:
    """Return the digest of a live token and what it opens, or None."""
    row = await connection.fetchrow(_ACCESS, key_id)
    if row is None:
        return None
    return Digest(row["digest"], row["pepper_key"]), Access(
        key_id,
        DirectoryId(row["directory_id"]),
        OrganizationId(row["organization_id"]),
        row["provider"],
        row["expires_at"],
        declaration.types(row["declared"]) if row["declared"] else TYPES,
        Limit(row["requests_per_second"], row["burst"]) if row["burst"] else None,
        is_paused=row["is_paused"],
    )


async def reseal(connection: db.Connection, of: Access, stored: Digest, fresh: Digest) -> None:
    """Store the same token as another pepper makes it, unless somebody else did."""
    keys = (of.directory, of.key_id)
    await connection.execute(_RESEAL, *keys, stored.value, fresh.value, fresh.pepper)


async def record_use(connection: db.Connection, used: Mapping[str, datetime]) -> None:
    """Note when tokens, and so their directories, were used last."""
    await connection.execute(_RECORD_USE, list(used), list(used.values()))


def _organization(row: db.Record) -> Organization:
    return Organization(OrganizationId(row["id"]), row["name"], row["created_at"])


def _directory(row: db.Record) -> Directory:
    return Directory(
        DirectoryId(row["id"]),
        OrganizationId(row["organization_id"]),
        row["name"],
        row["provider"],
        row["created_at"],
        row["last_request_at"],
        row["delayed_s"],
        row["state"],
        row["state_since"],
        row["state_by"],
    )


def _token(row: db.Record) -> Token:
    return Token(
        row["id"],
        DirectoryId(row["directory_id"]),
        row["label"],
        Digest(row["digest"], row["pepper_key"]),
        row["last_four"],
        row["created_at"],
        row["expires_at"],
        row["revoked_at"],
        row["last_used_at"],
        row["first_used_at"],
    )
