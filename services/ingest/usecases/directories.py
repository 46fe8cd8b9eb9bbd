"""What the application can do with organizations and directories."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from services.ingest.domain.directories import Directory, Organization
from services.ingest.domain.rates import Limit
from services.ingest.domain.resources import Act
from services.ingest.store import directories, events
from shared import db, outbox
from shared.contracts.directory_events import Cause, DirectoryCreated
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.contracts.management import NewDirectory, Outgoing


async def create_organization(
    database: db.Database, name: str, now: datetime
) -> tuple[Organization, bool]:
    """Return the organization of that name, and whether it was made now."""
    wanted = Organization(OrganizationId(str(uuid.uuid4())), name, now)
    async with database.transaction() as tx:
        found = await directories.find_or_insert_organization(tx, wanted)
    return found, found.id == wanted.id


async def organization(database: db.Database, key: str) -> Organization:
    """Return an organization. Raises UnknownError."""
    async with database.connection() as connection:
        return await directories.organization(connection, key)


async def organizations(database: db.Database) -> list[Organization]:
    """Return all organizations by name."""
    async with database.connection() as connection:
        return await directories.organizations(connection)


async def create(
    database: db.Database, wanted: NewDirectory, cause: Cause, now: datetime
) -> Directory:
    """Connect an organization to a provider; the first event of the new history says so.

    Raises UnknownError for the organization.
    """
    async with database.transaction() as tx:
        owner = await directories.organization(tx, wanted.organization_id)
        directory = Directory(
            DirectoryId(str(uuid.uuid4())), owner.id, wanted.name, wanted.provider, now
        )
        await directories.insert(tx, directory)
        told = DirectoryCreated(
            cause=cause, id=directory.id, name=directory.name, provider=directory.provider
        )
        await events.append(tx, Act(directory.id, owner.id, cause, now), [told])
    return directory


async def get(database: db.Database, key: str) -> Directory:
    """Return a directory. Raises UnknownError."""
    async with database.connection() as connection:
        return await directories.get(connection, key)


async def position(database: db.Database, key: str) -> Outgoing:
    """Return where the history of a directory ends, and how far it is published. UnknownError."""
    async with database.connection() as connection:
        found = await directories.get(connection, key)
        return await outbox.outgoing(connection, found.id)


async def listed(database: db.Database, organization_id: str | None) -> list[Directory]:
    """Return the directories of an organization, or of all; raises UnknownError."""
    async with database.connection() as connection:
        if organization_id is not None:
            await directories.organization(connection, organization_id)
        return await directories.listed(connection, organization_id)


async def change_limit(database: db.Database, key: str, limit: Limit | None) -> None:
    """Give a directory a limit of its own, or the default again. Raises UnknownError."""
    async with database.transaction() as tx:
        owner = await directories.get(tx, key)
        await directories.change_limit(tx, owner.id, limit)


async def pulses(database: db.Database, organizations: Sequence[str]) -> dict[OrganizationId, str]:
    """Return a mark of each organization; it differs once a directory was called or changed."""
    async with database.connection() as connection:
        return await directories.pulses(connection, organizations)
