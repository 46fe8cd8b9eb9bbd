"""Section 10 of the rows: what an error says, and what it does not."""

import uuid
from typing import Any

import asyncpg
import pytest

from tests.integration.ingest.client import Client
from tests.integration.ingest.scim_errors import ERROR
from tests.support.servers import Databases

NOBODY = str(uuid.uuid4())


def operation(op: str, path: str | None = None, value: Any = None) -> dict[str, Any]:
    one = {"op": op, "path": path, "value": value}
    return {"Operations": [{key: each for key, each in one.items() if each is not None}]}


ERRORS = [
    ("GET", "/Users?filter=userName+near+%22x%22", None, 400, "invalidFilter"),
    ("GET", "/Users?filter=nothing+eq+%22x%22", None, 400, "invalidFilter"),
    ("POST", "/Users", {"userName": "ADA"}, 409, "uniqueness"),
    ("PATCH", "/Users/{ada}", operation("replace", "userName", "bob"), 409, "uniqueness"),
    ("PUT", "/Users/{ada}", {"userName": "Bob"}, 409, "uniqueness"),
    ("PATCH", "/Users/{ada}", operation("replace", "id", "7"), 400, "mutability"),
    ("PATCH", "/Users/{ada}", operation("remove", "meta.created"), 400, "mutability"),
    ("POST", "/Users", b"{", 400, "invalidSyntax"),
    ("PATCH", "/Users/{ada}", {"Operations": []}, 400, "invalidSyntax"),
    ("PATCH", "/Users/{ada}", operation("spin", "title", "x"), 400, "invalidSyntax"),
    ("PATCH", "/Users/{ada}", operation("add", "nothing", "x"), 400, "invalidPath"),
    ("PATCH", "/Users/{ada}", operation("add", "name[", "x"), 400, "invalidPath"),
    ("PATCH", "/Users/{ada}", operation("remove"), 400, "noTarget"),
    (
        "PATCH",
        "/Users/{ada}",
        operation("replace", 'emails[type eq "x"]', {"value": "a"}),
        400,
        "noTarget",
    ),
    ("POST", "/Users", {"userName": ""}, 400, "invalidValue"),
    ("POST", "/Users", {"userName": "cy", "active": "perhaps"}, 400, "invalidValue"),
    ("GET", "/Users/{nobody}", None, 404, None),
    ("DELETE", "/Groups/{nobody}", None, 404, None),
    ("GET", "/Nothing", None, 404, None),
    ("DELETE", "/Users", None, 405, None),
    ("POST", "/Users", b"x" * (1024 * 1024 + 1), 413, None),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "scim_type"), ERRORS)
async def test_e5_e6_e7_an_error_says_what_is_wrong_in_the_form_of_the_rfc(  # a table of cases
    client: Client, method: str, path: str, body: Any, status: int, scim_type: str | None
) -> None:
    ada = await client.user("ada")
    await client.user("bob")

    answer = await client.scim(method, path.format(ada=ada, nobody=NOBODY), body)

    assert answer.status == status
    assert answer.body["schemas"] == [ERROR]
    assert answer.body["status"] == str(status)
    assert answer.body["detail"].endswith(".")
    assert answer.body.get("scimType") == scim_type
    assert answer.headers["Content-Type"].startswith("application/scim+json")


async def test_e7_a_wrong_token_and_a_wrong_type_come_with_an_error_body(client: Client) -> None:
    stranger = await client.scim("GET", "/Users", Authorization="Bearer nobody")
    form = await client.scim("POST", "/Users", b"a=b", **{"Content-Type": "text/plain"})

    assert (stranger.status, stranger.body["schemas"]) == (401, [ERROR])
    assert (form.status, form.body["schemas"]) == (415, [ERROR])


async def test_e8_being_busy_is_503_and_says_when_to_come_back(
    client: Client, databases: Databases
) -> None:
    ada = await client.user("ada")
    holder = await asyncpg.connect(databases.ingest)
    try:
        async with holder.transaction():
            await holder.execute("select from ingest.users where id = $1 for update", ada)
            answer = await client.scim(
                "PATCH", f"/Users/{ada}", operation("replace", "title", "Lead")
            )
    finally:
        await holder.close()

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "Traceback" not in str(answer.body)
    assert "title" not in (await client.scim("GET", f"/Users/{ada}")).body


async def test_e8_a_refusal_repeats_nothing_that_was_sent_as_a_value(client: Client) -> None:
    secret = "mira.kovac@globex.test"
    sent = [
        ("POST", "/Users", {"userName": "ada", "active": secret}),
        ("POST", "/Users", {"userName": "ada", "name": [secret]}),
        ("GET", f"/Users?filter=active+eq+%22{secret}%22", None),
        ("GET", f"/Users?filter=userName+eq+%22{secret}", None),
        ("GET", f"/Users?count={secret}", None),
    ]

    for method, path, body in sent:
        answer = await client.scim(method, path, body)

        assert answer.status == 400
        assert secret not in answer.body["detail"]
