"""What was done by hand, as each service recorded it."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.ids import DirectoryId


class AuditRecord(Contract):
    """An act: who did what, when, to which directory; `facts` are ids and numbers alone."""

    id: int
    at: datetime
    actor: str
    act: str
    directory_id: DirectoryId | None = None
    facts: dict[str, Any]


class AuditQuery(Contract):
    """Query of `GET /v1/audit`: what follows the record `after`, so many of them."""

    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 200


class AuditPage(Contract):
    """Records in the order in which they were numbered; `next` is the `after` of the next page."""

    items: list[AuditRecord]
    next: int | None = None
