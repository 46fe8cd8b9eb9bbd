"""A small directory that the tests of reading share, and ways to ask for lists."""

from typing import Any
from urllib.parse import urlencode

from tests.integration.ingest.client import Answer, Client

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {
        "externalId": "00aB",
        "displayName": "Ada Kovač",
        "title": "Lead",
        "name": {"givenName": "Ada", "familyName": "Kovač"},
        "emails": [
            {"value": "ada@home.test", "type": "home"},
            {"value": "Ada@Globex.test", "type": "work", "primary": True},
        ],
        ENTERPRISE: {"department": "Engines", "manager": {"value": "M-1"}},
    },
    "Bob": {
        "externalId": "00ab",
        "displayName": "Bob 100%",
        "title": "lead",
        "active": False,
        "name": {"familyName": "O'Neil"},
        "emails": [{"value": "bob+x@globex.test", "type": "work"}],
        ENTERPRISE: {"department": "Sales"},
    },
    "cy_x": {"displayName": "Élodie", "emails": [{"value": "a@z.test"}, {"value": "z@a.test"}]},
    "dee": {"title": 'Says "hi" \\ bye'},
}


async def people(client: Client) -> dict[str, str]:
    """Create everybody; return ids by userName."""
    return {name: await client.user(name, **each) for name, each in PEOPLE.items()}


async def get(client: Client, path: str, **query: Any) -> Answer:
    """Send a GET with a query."""
    return await client.scim("GET", f"{path}?{urlencode(query)}" if query else path)


async def names(client: Client, text: str, endpoint: str = "/Users") -> list[str]:
    """Return the names that a filter selects, sorted."""
    answer = await get(client, endpoint, filter=text)
    assert answer.status == 200, answer.body
    assert answer.body["totalResults"] == len(answer.body["Resources"])
    return sorted(named(answer))


def named(answer: Answer) -> list[str]:
    """Return the names in a list, in its order."""
    return [each.get("userName") or each["displayName"] for each in answer.body["Resources"]]


def refusal(answer: Answer) -> tuple[int, str | None]:
    """Return status and scimType of an error."""
    assert answer.body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.body["status"] == str(answer.status)
    return answer.status, answer.body.get("scimType")
