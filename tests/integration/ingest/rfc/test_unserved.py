"""What this service knows and does not offer (checklist row X5)."""

import pytest

from tests.integration.ingest.client import Client
from tests.integration.ingest.rfc.scim import replacing

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.mark.parametrize("path", ["/Me", "/Me/"])
@pytest.mark.parametrize("method", METHODS)
async def test_x5_me_is_501_whatever_the_method(client: Client, method: str, path: str) -> None:
    answer = await client.scim(method, path, None if method == "GET" else replacing(title="x"))

    assert (answer.status, answer.body["status"]) == (501, "501")
    assert answer.body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


async def test_x5_me_needs_a_token_too(client: Client) -> None:
    assert (await client.scim("GET", "/Me", Authorization="Bearer nope")).status == 401
