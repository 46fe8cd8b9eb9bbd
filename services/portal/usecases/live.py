"""What changed since a page was made: one mark an organization, looked at for all who watch it."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from services.portal.clients import Services
from services.portal.domain.errors import PortalError
from services.portal.store import progress
from shared import db
from shared.contracts.ids import OrganizationId

_TOLD_ANEW_EVERY_S = 60
_MARK_CHARS = 16


async def marks(
    database: db.Database,
    services: Services,
    organizations: Sequence[OrganizationId],
    now: datetime,
) -> Mapping[OrganizationId, str]:
    """Return a mark for each organization; it differs once its pages may say something else.

    Also once a minute, since pages say how long ago things were. An ingest that is away changes
    nothing, and is seen on the pages by itself.
    """
    async with database.connection() as connection:
        positions = await progress.positions(connection, organizations)
    try:
        pulses = await services.pulses(organizations)
    except PortalError:
        pulses = {}
    minute = int(now.timestamp() // _TOLD_ANEW_EVERY_S)
    return {
        key: _mark(positions.get(key, ""), pulses.get(key, ""), str(minute))
        for key in organizations
    }


def _mark(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:_MARK_CHARS]
