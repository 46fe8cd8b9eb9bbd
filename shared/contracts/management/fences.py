"""The fence of a directory: what it may lose at once, and the losses that wait."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.directory_events import UserRef
from shared.contracts.ids import DirectoryId
from shared.contracts.role_events import HeldRole


class WaitingLoss(HeldRole):
    """A loss that the fence keeps from happening until it is approved, or given back.

    `reason` is why the user holds the role; `why` is `share` where the directory would lose too
    much, `last_holder` where nobody would hold a privileged role any more.
    """

    user: UserRef
    why: Literal["share", "last_holder"]
    since: datetime


class FenceRules(Contract):
    """Body of `PUT /v1/directories/{id}/fence`: how much a directory may lose at once.

    More than `percent` of its assignments and more than `least`, within `window_s` seconds, waits.
    409 when it would be switched off while something waits.
    """

    enabled: bool = True
    percent: Annotated[int, Field(ge=1, le=100)] = 20
    least: Annotated[int, Field(ge=0, le=1_000_000)] = 10
    window_s: Annotated[int, Field(ge=1, le=7 * 86_400)] = 3600
    actor: str | None = None


class Fence(Contract):
    """The fence of a directory, and what waits behind it: `losses` are some, by user.

    `raised_at`: since when whatever the directory loses waits.
    """

    directory_id: DirectoryId
    waiting: int
    assigned: int
    raised_at: datetime | None = None
    rules: FenceRules
    losses: list[WaitingLoss] = Field(default_factory=list)


class FenceQuery(Contract):
    """What `GET /v1/directories/{id}/fence` may be asked: how many losses to list."""

    losses: Annotated[int, Field(ge=0, le=10_000)] = 100


class FenceApproval(Contract):
    """Body of `POST /v1/directories/{id}/fence/approve`: who, and how many losses were seen.

    409 when another number waits by now.
    """

    actor: str
    waiting: Annotated[int, Field(ge=1)]
