"""What the bodies of `/v1` take, where a type alone would let through what nobody can store."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.contracts.management import Limit, NewLink, NewToken

ORGANIZATION = "5a0e8f53-2f39-4b50-b8a8-3a1d4d1a7c11"


@pytest.mark.parametrize(
    "moment", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"], ids=["last", "first"]
)
def test_a_moment_beyond_the_calendar_of_utc_is_refused(moment: str) -> None:
    with pytest.raises(ValidationError, match="before the first year or after the last"):
        NewToken.model_validate({"expiresAt": moment})


@pytest.mark.parametrize("moment", ["2030-01-01T00:00:00", "2030-01-01T02:00:00+02:00"])
def test_a_moment_is_kept_in_utc_which_it_is_in_without_an_offset(moment: str) -> None:
    token = NewToken.model_validate({"expiresAt": moment})

    assert token.expires_at == datetime(2030, 1, 1, tzinfo=UTC)
    assert token.model_dump(mode="json")["expires_at"] == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize("key", ["", "x", "Globex", ORGANIZATION.upper()])
def test_a_link_is_for_what_can_be_the_id_of_an_organization(key: str) -> None:
    with pytest.raises(ValidationError, match="list them with GET /v1/organizations"):
        NewLink.model_validate({"kind": "invitation", "organizationId": key})


@pytest.mark.parametrize("rate", [5e-324, 1e-300, 0.0001])
def test_a_limit_that_lets_nobody_in_for_hours_is_refused(rate: float) -> None:
    with pytest.raises(ValidationError, match=r"greater than or equal to 0\.001"):
        Limit.model_validate({"requestsPerSecond": rate, "burst": 1})
