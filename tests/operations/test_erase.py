"""A person who asks for it is forgotten by all that is stored, and the rest still holds."""

import json

import asyncpg
import pytest

from tests.support.system import Outcome
from tests.support.waiting import eventually
from tests.support.world import Directory, World

pytestmark = pytest.mark.timeout(300)
_TABLES = """
select format('%I.%I', schemaname, tablename) from pg_tables where tableowner = current_user
"""


async def stored(world: World, text: str) -> set[str]:
    """Return the tables of all services in which some row has that text, in any case."""
    found: set[str] = set()
    for url in world.system.run["postgres"].values():
        connection = await asyncpg.connect(url)
        for (table,) in await connection.fetch(_TABLES):
            rows = f"select exists (select from {table} as t where t::text ilike $1)"
            if await connection.fetchval(rows, f"%{text}%"):
                found.add(table)
        await connection.close()
    return found


async def erase(acme: Directory, user: str, *more: str) -> Outcome:
    return await acme.world.system.rollcall("erase", acme.id, user, *more)


async def test_who_asks_is_forgotten_and_all_that_is_stored_still_follows_from_the_log(
    world: World,
) -> None:
    acme = await world.directory(mapping={"Admins": "admin"})
    mira = await acme.provision("mira", groups=["Admins"])
    noor = await acme.provision("noor", groups=["Admins"])
    await acme.become(mira, {"admin"})
    await acme.become(noor, {"admin"})
    early = await eventually(
        lambda: refused(acme, mira.user_name, "is in the directory"), within_s=60
    )
    await acme.delete(mira)
    await acme.become(mira, set())
    asked = await eventually(
        lambda: refused(acme, mira.user_name, "Repeat with --yes"), within_s=60
    )
    before = await stored(world, mira.user_name)

    done = await erase(acme, mira.user_name.upper(), "--yes", "--json")

    again = await erase(acme, mira.user_name, "--yes")
    verified = [await world.system.rollcall("verify", "--directory", acme.id)]
    rebuilt = await world.system.rollcall("rebuild", within_s=150)
    audited = await world.system.rollcall("audit", "--json")
    verified.append(await world.system.rollcall("verify", "--directory", acme.id))
    assert early.code == asked.code == again.code == 1
    assert mira.id in asked.errors
    assert before >= {"rm_1.users", "rm_1.events", "roles.assignment_history"}
    assert done.json == {"erased": [mira.id]}
    assert "Nothing is stored" in again.errors
    acts = [json.loads(line) for line in audited.output.splitlines()]
    erased = [one["facts"]["user"] for one in acts if one["act"] == "user.erased"]
    assert erased == [mira.id]
    called = {one["service"] for one in acts if one["act"] == "api.called"}
    assert called == {"ingest", "roles", "projector", "portal"}
    assert rebuilt.code == 0, rebuilt.errors
    assert [one.code for one in verified] == [0, 0], [one.output for one in verified]
    await eventually(lambda: is_forgotten(world, mira.user_name), within_s=60)
    assert "rm_1.users" in await stored(world, noor.user_name)


async def refused(acme: Directory, user: str, words: str) -> Outcome | None:
    """Return how it was refused, once that is why: read models follow in their own time."""
    outcome = await erase(acme, user)
    return outcome if words in " ".join(outcome.errors.split()) else None


async def is_forgotten(world: World, text: str) -> bool:
    """Tell whether no table has that text; what waits in an outbox is on its way to Kafka."""
    return not await stored(world, text)
