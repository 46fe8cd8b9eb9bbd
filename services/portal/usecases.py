"""What people do in the portal: sign in, connect a directory, map groups, look things up."""

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.portal import domain
from services.portal.clients import Services
from services.portal.domain import (
    DelayedError,
    DirectorySummary,
    EventRow,
    GroupRow,
    LinkKind,
    MappingForm,
    MissingError,
    RefusedError,
    Session,
    Status,
    UserDetail,
    UserRow,
)
from services.portal.store import sessions, views
from services.portal.store.views import Cursor
from shared import db
from shared.contracts import management
from shared.contracts.ids import OrganizationId, is_id
from shared.contracts.management import Directory, MappingEdit, MappingRow

_SECRET_BYTES = 32


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


async def create_link(
    database: db.Database, vault: Vault, wanted: management.NewLink, now: datetime
) -> tuple[str, datetime]:
    """Return the secret of a new link and when it expires. Raises RefusedError."""
    if (wanted.organization_id is None) != (wanted.kind == "operator"):
        raise RefusedError("An invitation or redirect names an organization, no other does.", 422)
    kind: LinkKind = wanted.kind
    expires = now + timedelta(seconds=wanted.valid_for_s or domain.LINK_SECONDS[kind])
    value = vault.new()
    async with database.connection() as connection:
        await sessions.insert_link(
            connection,
            vault.digest("link", value),
            kind,
            wanted.organization_id,
            created_at=now,
            expires_at=expires,
        )
    return value, expires


async def check_link(database: db.Database, vault: Vault, value: str, now: datetime) -> None:
    """Look whether a link would sign in, without using it. Raises GoneError."""
    async with database.connection() as connection:
        if not await sessions.is_link_good(connection, vault.digest("link", value), now):
            raise domain.GoneError


async def sign_in(database: db.Database, vault: Vault, value: str, now: datetime) -> str:
    """Exchange a link for a session; return its secret. Raises GoneError."""
    secret = vault.new()
    async with database.transaction() as tx:
        organization = await sessions.use_link(tx, vault.digest("link", value), now)
        await sessions.insert(tx, vault.digest("session", secret), organization, now)
    return secret


async def find_session(
    database: db.Database, vault: Vault, secret: str, now: datetime
) -> Session | None:
    """Return the live session of a cookie, or None."""
    async with database.connection() as connection:
        found = await sessions.find(connection, vault.digest("session", secret), now)
    return Session(found[0], vault.csrf(secret)) if found else None


async def sign_out(database: db.Database, vault: Vault, secret: str) -> None:
    """End a session."""
    async with database.connection() as connection:
        await sessions.end(connection, vault.digest("session", secret))


async def is_first_submission(database: db.Database, key: str, now: datetime) -> bool:
    """Tell whether a form with this key is sent for the first time."""
    async with database.connection() as connection:
        return is_id(key) and await sessions.take_submission(connection, key, now)


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first page of an organization shows."""

    directories: Sequence[Directory]
    directory: Directory | None
    counts: DirectorySummary | None
    status: Status


async def overview(
    database: db.Database, services: Services, organization: OrganizationId, now: datetime
) -> Overview:
    """Return the state of the newest directory, and what to do next."""
    directories = await services.directories(organization)
    newest = directories[0] if directories else None
    counts = await summary(database, organization, newest.id) if newest else None
    return Overview(directories, newest, counts, domain.status(newest, counts, now))


async def summary(
    database: db.Database, organization: OrganizationId, directory: str
) -> DirectorySummary | None:
    """Return what the read model counts in a directory, None before its first event arrived."""
    found = await summaries(database, organization)
    return next((one for one in found if one.id == directory), None)


async def summaries(database: db.Database, organization: OrganizationId) -> list[DirectorySummary]:
    """Return the directories of an organization as the read model knows them, newest first."""
    async with database.connection() as connection:
        return await views.directories(connection, organization)


async def choose(
    database: db.Database, organization: OrganizationId, wanted: str | None
) -> tuple[DirectorySummary | None, list[DirectorySummary]]:
    """Return the directory to show, the newest unless one is named, and all there are.

    Raises MissingError for one that is not this organization's.
    """
    found = await summaries(database, organization)
    if wanted is None:
        return (found[0] if found else None), found
    chosen = next((one for one in found if one.id == wanted), None)
    if chosen is None:
        raise MissingError
    return chosen, found


async def users(
    database: db.Database,
    directory: DirectorySummary,
    *,
    search: str | None,
    active: bool | None,
    after: Cursor,
) -> tuple[list[UserRow], Cursor]:
    """Return a page of users."""
    async with database.connection() as connection:
        return await views.users(
            connection, directory.id, search=search, active=active, after=after
        )


async def user(database: db.Database, directory: DirectorySummary, key: str) -> UserDetail:
    """Return what the page of a user shows. Raises MissingError."""
    async with database.connection() as connection:
        return await views.user(connection, directory.id, key)


async def groups(
    database: db.Database, directory: DirectorySummary, *, search: str | None, after: Cursor
) -> tuple[list[GroupRow], Cursor]:
    """Return a page of groups."""
    async with database.connection() as connection:
        return await views.groups(connection, directory.id, search=search, after=after)


async def group(
    database: db.Database, directory: DirectorySummary, key: str, after: Cursor
) -> tuple[GroupRow, list[UserRow], Cursor, list[EventRow]]:
    """Return what the page of a group shows. Raises MissingError."""
    async with database.connection() as connection:
        return await views.group(connection, directory.id, key, after)


@dataclass(frozen=True, slots=True)
class MappingPage:
    """What the mapping page shows beside the form."""

    roles: Sequence[management.Role]
    groups: Sequence[management.KnownGroup]
    deleted: Sequence[management.MappedGroupRow]
    form: MappingForm


async def mapping_page(
    services: Services, directory: str, edited: MappingForm | None = None
) -> MappingPage:
    """Return the mapping to edit, with what was typed if something was. Raises MissingError."""
    stored = await services.mapping(directory)
    form = edited or MappingForm(stored.version, [(row.group_id, row.role) for row in stored.rows])
    deleted = [row for row in stored.rows if row.group_deleted]
    return MappingPage(await services.roles(), await services.groups(directory), deleted, form)


async def save_mapping(services: Services, directory: str, form: MappingForm) -> MappingForm:
    """Save what was typed; what is refused comes back with the reason, and nothing is lost."""
    rows = [MappingRow(group_id=group, role=role) for group, role in form.rows]
    edit = MappingEdit(version=form.version, rows=rows, actor="portal")
    try:
        saved = await services.save_mapping(directory, edit)
    except RefusedError as error:
        return MappingForm(form.version, form.rows, problem=str(error))
    except DelayedError:
        words = "The roles service does not answer at the moment. Nothing was saved; save again."
        return MappingForm(form.version, form.rows, problem=words)
    stored = [(row.group_id, row.role) for row in saved.rows]
    return MappingForm(saved.version, stored, is_saved=True)
