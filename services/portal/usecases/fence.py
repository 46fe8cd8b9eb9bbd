"""What waits behind the fences of an organization, and letting it happen."""

from collections.abc import Iterable
from contextlib import suppress

from services.portal.clients import Services
from services.portal.domain.errors import DelayedError
from shared.contracts.ids import DirectoryId
from shared.contracts.management import Fence, FenceApproval

SHOWN = 200


async def waiting(services: Services, directories: Iterable[DirectoryId]) -> list[Fence]:
    """Return the fences of these directories behind which something waits.

    None, while the roles service does not answer: the page does not depend on it.
    """
    known = {*directories}
    with suppress(DelayedError):
        return [one for one in await services.fences() if one.directory_id in known]
    return []


async def show(services: Services, directory: DirectoryId) -> Fence:
    """Return the fence of a directory, and who would lose what. Raises DelayedError."""
    return await services.fence(directory, SHOWN)


async def approve(services: Services, directory: DirectoryId, seen: int, actor: str) -> Fence:
    """Let as many losses happen as were seen. Raises RefusedError, DelayedError."""
    return await services.approve_losses(directory, FenceApproval(actor=actor, waiting=seen))
