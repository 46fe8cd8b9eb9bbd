"""Roles is killed in the middle of a large change: it ends exactly right, as was shown before."""

import asyncio
import os
import signal
from collections import Counter
from typing import Any

import aiohttp
import pytest

from tests.support.waiting import eventually
from tests.support.world import Directory, World

pytestmark = pytest.mark.faults
PEOPLE = 4000
_AT_ONCE = 1000
_BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@pytest.fixture
async def directory(world: World) -> Directory:
    """Everybody is in the group Everybody, which is mapped to nothing yet."""
    found = await world.directory(provider="generic")
    await world.declare("admin")
    group, members = await found.group("Everybody"), list[str]()
    for start in range(0, PEOPLE, _AT_ONCE):
        members += await _create(found, range(start, start + _AT_ONCE))
    value = [{"value": member} for member in members]
    operation = {"op": "add", "path": "members", "value": value}
    await found.call("PATCH", f"/Groups/{group}?", {"schemas": [_PATCH], "Operations": [operation]})

    async def is_known() -> bool:
        groups = (await asked(found, "GET", "/groups"))["items"]
        return [one["members"] for one in groups] == [PEOPLE]

    await eventually(is_known, within_s=120)
    return found


async def _create(directory: Directory, numbers: range) -> list[str]:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": str(number),
         "data": {"schemas": [_USER], "userName": f"user{number}@globex.test"}}
        for number in numbers
    ]  # fmt: skip
    answer = await directory.call("POST", "/Bulk?", {"schemas": [_BULK], "Operations": operations})
    return [one["location"].rpartition("/")[2] for one in answer["Operations"]]


async def asked(
    directory: Directory, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Call `/v1` of roles for the directory. Raises aiohttp.ClientError while it is away."""
    url = f"{directory.world.system.run['roles']}/v1/directories/{directory.id}{path}"
    headers = directory.world.headers
    async with directory.world.http.request(method, url, json=body, headers=headers) as answer:
        answer.raise_for_status()
        return dict(await answer.json())


async def applying(directory: Directory) -> dict[str, int] | None:
    found: dict[str, int] | None = (await asked(directory, "GET", "/mapping"))["applying"]
    return found


async def kill_midway(directory: Directory) -> int:
    """SIGKILL roles once it has reached somebody; return how many it said it had."""
    done = 0
    async with asyncio.timeout(60):
        while not done:
            found = await applying(directory)
            assert found, "it had ended before it was killed"
            done = found["done"]
    os.kill(directory.world.system.run["pids"]["roles"], signal.SIGKILL)
    return done


async def is_applied(directory: Directory) -> bool:
    try:
        return await applying(directory) is None
    except aiohttp.ClientError:
        return False


async def test_killed_in_the_middle_a_large_save_ends_exactly_right(directory: Directory) -> None:
    group = await directory.group("Everybody")
    edit = {"version": 0, "rows": [{"groupId": group, "role": "admin"}]}
    shown = await asked(directory, "POST", "/mapping/preview?users=0", edit)
    save = await asked(directory, "PUT", "/mapping", edit | {"effect": shown["effect"]})
    done = await kill_midway(directory)
    await eventually(lambda: is_applied(directory), within_s=120)

    verdict = await directory.world.system.rollcall(
        "verify", "--directory", directory.id, within_s=120
    )

    assert save["applying"]["total"] == shown["gaining"] == PEOPLE
    assert 0 < done < PEOPLE
    assert verdict.code == 0, verdict.output
    events = await directory.events("role.events.v1")
    told = Counter(one["data"]["user"]["id"] for one in events if "user" in one["data"])
    assert len(told) == PEOPLE
    assert set(told.values()) == {1}
    causes = {one["data"]["cause"]["id"] for one in events}
    assert len(causes) == 1


async def test_events_and_another_save_meanwhile_find_everybody_settled_by_the_first(
    directory: Directory,
) -> None:
    group = await directory.group("Everybody")
    await directory.world.declare("billing")
    for version, role in enumerate(("admin", "billing")):
        edit = {"version": version, "rows": [{"groupId": group, "role": role}]}
        shown = await asked(directory, "POST", "/mapping/preview?users=0", edit)
        await asked(directory, "PUT", "/mapping", edit | {"effect": shown["effect"]})
    listed = (await directory.call("GET", "/Users?count=50&startIndex=1&"))["Resources"]
    for user in listed:
        await directory.call("PUT", f"/Users/{user['id']}?",
                             {"userName": user["userName"], "active": False})  # fmt: skip
    await kill_midway(directory)
    await eventually(lambda: is_applied(directory), within_s=120)

    verdict = await directory.world.system.rollcall(
        "verify", "--directory", directory.id, within_s=120
    )

    assert verdict.code == 0, verdict.output
    histories: dict[str, list[tuple[str, str]]] = {}
    for event in await directory.events("role.events.v1"):
        if "user" in event["data"]:
            verb, role = event["type"].split(".")[2], event["data"]["role"]["key"]
            histories.setdefault(event["data"]["user"]["id"], []).append((verb, role))
    through_both = [("assigned", "admin"), ("revoked", "admin"), ("assigned", "billing")]
    suspended = {user["id"] for user in listed}
    assert len(histories) == PEOPLE
    for user, history in histories.items():
        last = [("revoked", "billing")] if user in suspended else []
        assert history == [*through_both, *last]
