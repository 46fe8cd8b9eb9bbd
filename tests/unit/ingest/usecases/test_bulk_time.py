"""A bulk request that runs out of time tells what it did not do."""

from datetime import UTC, datetime
from typing import Any, cast

from services.ingest.domain.resources import Act
from services.ingest.http.errors import refusal
from services.ingest.scim import bulk as engine
from services.ingest.usecases import bulk
from shared import db
from shared.contracts.directory_events import Cause
from shared.contracts.ids import DirectoryId, OrganizationId

ACT = Act(
    DirectoryId("d"),
    OrganizationId("o"),
    Cause(kind="scim", id="r"),
    datetime(2026, 3, 2, tzinfo=UTC),
)
UNREACHABLE = cast("db.Database", None)


async def test_what_there_is_no_time_for_may_be_sent_again() -> None:
    post: dict[str, Any] = {"method": "POST", "path": "/Users", "bulkId": "a", "data": {}}
    job = engine.job({"Operations": [post, post | {"bulkId": "b"}]}, {"Users": "User"}, 10)

    outcomes = await bulk.perform(UNREACHABLE, ACT, job, lambda: False)

    assert [each.operation.bulk_id for each in outcomes] == ["a", "b"]
    for each in outcomes:
        assert each.error is not None
        refused = refusal(each.error)
        assert refused is not None
        assert refused.status == 503
