"""Who comes in: sign-in links, the sessions they are exchanged for, and forms sent twice."""

import base64
import hmac
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.portal.domain import access, errors
from services.portal.domain.access import LinkKind, LinkRow, Session
from services.portal.domain.errors import MissingError, RefusedError
from services.portal.store import links, sessions
from shared import audit, db
from shared.contracts import management
from shared.contracts.ids import OrganizationId, is_id

_SECRET_BYTES = 32
_LISTED = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Vault:
    """Makes secrets, and the keyed hashes by which they are stored."""

    secret: str

    def new(self) -> str:
        """Return a new secret for a link or a session."""
        return secrets.token_urlsafe(_SECRET_BYTES)

    def digest(self, purpose: str, value: str) -> bytes:
        """Return the hash under which a secret is stored."""
        return hmac.digest(self.secret.encode(), f"{purpose}:{value}".encode(), "sha256")

    def csrf(self, session: str) -> str:
        """Return the token that the forms of a session carry."""
        return base64.urlsafe_b64encode(self.digest("csrf", session)).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link with its secret, told this once."""

    row: LinkRow
    value: str


async def create_link(
    database: db.Database,
    vault: Vault,
    wanted: management.NewLink,
    now: datetime,
    actor: str = "api",
) -> NewLink:
    """Return a new link; an invitation ends the ones before it. Raises RefusedError."""
    if (wanted.organization_id is None) != (wanted.kind == "operator"):
        raise RefusedError("An invitation or redirect names an organization, no other does.", 422)
    kind: LinkKind = wanted.kind
    expires = now + timedelta(seconds=wanted.valid_for_s or access.LINK_SECONDS[kind])
    row = LinkRow(str(uuid.uuid4()), kind, wanted.organization_id, now, expires, actor)
    value = vault.new()
    async with database.transaction() as tx:
        await links.insert(tx, vault.digest("link", value), row)
    return NewLink(row, value)


async def listed_links(
    database: db.Database, organization: OrganizationId, now: datetime
) -> Sequence[LinkRow]:
    """Return the links of an organization of the last 90 days, the newest first."""
    async with database.connection() as connection:
        return await links.listed(connection, organization, now - _LISTED)


async def revoke_link(
    database: db.Database, organization: OrganizationId, key: str, now: datetime
) -> None:
    """End a link, and the sessions that it opened. Raises MissingError."""
    async with database.transaction() as tx:
        if not is_id(key) or not await links.revoke(tx, organization, key, now):
            raise MissingError
        await sessions.end_of_link(tx, key)


async def check_link(database: db.Database, vault: Vault, value: str, now: datetime) -> None:
    """Look whether a link would sign in, without using it. Raises GoneError."""
    async with database.connection() as connection:
        if not await links.is_good(connection, vault.digest("link", value), now):
            raise errors.GoneError


async def sign_in(database: db.Database, vault: Vault, value: str, now: datetime) -> str:
    """Exchange a link for a session; return its secret. Raises GoneError."""
    secret = vault.new()
    async with database.transaction() as tx:
        organization, link = await links.use(tx, vault.digest("link", value), now)
        await sessions.insert(tx, vault.digest("session", secret), organization, now, link)
        await sessions.forget_ended(tx, now)
    return secret


async def find_session(
    database: db.Database, vault: Vault, secret: str, now: datetime, *, is_act: bool = True
) -> Session | None:
    """Return the live session of a cookie, or None; an act of a person keeps it alive."""
    async with database.connection() as connection:
        digest = vault.digest("session", secret)
        found = await sessions.find(connection, digest, now, is_act=is_act)
    return Session(found.organization, vault.csrf(secret), found.actor) if found else None


async def sign_out(database: db.Database, vault: Vault, secret: str) -> None:
    """End a session."""
    async with database.connection() as connection:
        await sessions.end(connection, vault.digest("session", secret))


async def note_form(database: db.Database, actor: str, path: str) -> None:
    """Record that somebody sent a form, before it does anything."""
    async with database.transaction() as tx:
        await audit.record(tx, actor, "form.sent", None, {"path": path})


async def is_first_submission(database: db.Database, key: str, now: datetime) -> bool:
    """Tell whether a form with this key is sent for the first time."""
    async with database.connection() as connection:
        return is_id(key) and await sessions.take_submission(connection, key, now)


async def give_submission_back(database: db.Database, key: str) -> None:
    """Let a form be sent again whose act failed: nothing was made."""
    async with database.connection() as connection:
        await sessions.give_submission_back(connection, key)


def new_submission() -> str:
    """Return a key for a form, by which it is taken once."""
    return str(uuid.uuid4())
