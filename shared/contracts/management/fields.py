"""Fields that several bodies share."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints

from shared.contracts.ids import OrganizationId, is_id

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.:-]{0,62}$")]
Actor = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _in_utc(moment: datetime) -> datetime:
    """Return the moment in UTC, which it is in without an offset."""
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("in UTC it is before the first year or after the last") from error


def _as_issued(key: str) -> str:
    if not is_id(key):
        raise ValueError("this is no id of an organization; list them with GET /v1/organizations")
    return key


Moment = Annotated[datetime, AfterValidator(_in_utc)]
KnownOrganization = Annotated[OrganizationId, AfterValidator(_as_issued)]
"""As ingest issued it; for who cannot look whether it did."""
Provider = Literal["onelogin", "okta", "entra", "jumpcloud", "ping", "generic"]
