"""Organizations, directories and tokens."""

from collections.abc import Mapping
from datetime import datetime

from services.ingest.domain.directories import Directory, Organization, UnknownError
from services.ingest.domain.tokens import Access, Token
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
_DIRECTORY = """
select id, organization_id, name, provider, created_at, last_request_at
from directories where id = $1
"""
_DIRECTORIES = """
select id, organization_id, name, provider, created_at, last_request_at
from directories where $1::uuid is null or organization_id = $1
order by created_at, id
"""
_LOCK_DIRECTORY = "select 1 from directories where id = $1 for no key update"
_ISSUE = """
insert into tokens (id, directory_id, label, digest, last_four, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7)
"""
_TOKENS = """
select id, directory_id, label, digest, last_four, created_at, expires_at, revoked_at, last_used_at
from tokens where directory_id = $1 order by created_at, id
"""
_REVOKE = """
update tokens set revoked_at = coalesce(revoked_at, $3) where directory_id = $1 and id = $2
returning id
"""
_ACCESS = """
select t.digest, t.directory_id, t.expires_at, d.organization_id, d.provider
from tokens as t join directories as d on d.id = t.directory_id
where t.id = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > now())
"""
_RECORD_USE = """
with used as (select * from unnest($1::text[], $2::timestamptz[]) as u (id, at)),
marked as (
  update tokens set last_used_at = used.at from used where tokens.id = used.id
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


async def listed(connection: db.Connection, organization_id: str | None) -> list[Directory]:
    """Return the directories of an organization, or of all."""
    return [_directory(row) for row in await connection.fetch(_DIRECTORIES, organization_id)]


async def insert_token(tx: db.Connection, token: Token) -> None:
    """Store a new token."""
    await tx.execute(
        _ISSUE,
        token.id,
        token.directory,
        token.label,
        token.digest,
        token.last_four,
        token.created_at,
        token.expires_at,
    )


async def lock_tokens(tx: db.Connection, directory: DirectoryId) -> list[Token]:
    """Return the tokens of a directory; nobody else changes them until commit."""
    await tx.fetchval(_LOCK_DIRECTORY, directory)
    return await tokens(tx, directory)


async def tokens(connection: db.Connection, directory: DirectoryId) -> list[Token]:
    """Return the tokens of a directory, also those that no longer live."""
    return [_token(row) for row in await connection.fetch(_TOKENS, directory)]


async def revoke(tx: db.Connection, directory: DirectoryId, key_id: str, now: datetime) -> None:
    """End a token; a second time changes nothing. Raises UnknownError."""
    if not await tx.fetchval(_REVOKE, directory, key_id, now):
        raise UnknownError(f"This directory has no token {key_id}.")


async def access(connection: db.Connection, key_id: str) -> tuple[bytes, Access] | None:
    """Return the digest of a live token and what it opens, or None."""
    row = await connection.fetchrow(_ACCESS, key_id)
    if row is None:
        return None
    return row["digest"], Access(
        key_id,
        DirectoryId(row["directory_id"]),
        OrganizationId(row["organization_id"]),
        row["provider"],
        row["expires_at"],
    )


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
    )


def _token(row: db.Record) -> Token:
    return Token(
        row["id"],
        DirectoryId(row["directory_id"]),
        row["label"],
        row["digest"],
        row["last_four"],
        row["created_at"],
        row["expires_at"],
        row["revoked_at"],
        row["last_used_at"],
    )
