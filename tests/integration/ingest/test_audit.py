"""Each call that may change something is recorded, whoever makes it, before it is done."""

from tests.integration.ingest.client import Client


async def test_each_call_that_may_change_something_is_recorded_and_told(client: Client) -> None:
    token = await client.manage("POST", f"/directories/{client.directory}/tokens", {})
    refused = await client.manage("PUT", f"/directories/{client.directory}/limit", {"burst": 1})
    await client.manage("GET", f"/directories/{client.directory}")
    path = f"/directories/{client.directory}/users/mira@globex.test/erasure"
    await client.manage("POST", path, {"actor": "ada"})

    found = (await client.manage("GET", "/audit?limit=1000")).body

    told = [
        (one["actor"], one["facts"]["call"])
        for one in found["items"]
        if one["facts"].get("named", {}).get("id") == client.directory
    ]
    assert (token.status, refused.status) == (201, 400)
    assert found["next"] is None
    assert "mira" not in str(found)
    assert told == [
        ("operator", "POST /directories/{id}/tokens"),
        ("operator", "POST /directories/{id}/tokens"),
        ("operator", "PUT /directories/{id}/limit"),
        ("operator", "POST /directories/{id}/users/{user}/erasure"),
    ]


async def test_pages_of_records_lead_to_the_next(client: Client) -> None:
    first = (await client.manage("GET", "/audit?limit=1")).body
    second = (await client.manage("GET", f"/audit?limit=1&after={first['next']}")).body

    assert [one["id"] for one in first["items"]] == [first["next"]]
    assert second["items"][0]["id"] > first["next"]
