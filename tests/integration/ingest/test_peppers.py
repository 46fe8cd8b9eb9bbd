"""A pepper is changed over: no token ends that is used meanwhile, and then the old one can go."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from services.ingest.domain.peppers import Peppers, key_id
from services.ingest.usecases import tokens
from shared import db
from shared.contracts.management import NewToken
from tests.integration.ingest.client import Client
from tests.support.servers import Databases

OLD, NEW = "a pepper of the tests", "another pepper of the tests"
BEFORE, BOTH, AFTER = Peppers.of(OLD), Peppers.of(f"{NEW}\n{OLD}"), Peppers.of(NEW)


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[db.Database]:
    async with db.connect(databases.ingest, "ingest", max_size=1) as found:
        yield found


async def stored_pepper(database: db.Database, token: str) -> str | None:
    async with database.connection() as connection:
        query = "select pepper_key from tokens where id = split_part($1, '_', 2)"
        return str(found) if (found := await connection.fetchval(query, token)) else None


async def issued(database: db.Database, peppers: Peppers, client: Client) -> str:
    wanted = NewToken(label="second")
    now = datetime.now(UTC)
    _, value = await tokens.issue(database, peppers, client.directory, wanted, now)
    return value


async def test_a_token_that_is_used_while_both_are_there_outlives_the_old_pepper(
    client: Client, database: db.Database
) -> None:
    unused = await issued(database, BEFORE, client)

    met = [await tokens.access(database, BOTH, client.token) for _ in range(2)]

    used = await tokens.access(database, AFTER, client.token)
    assert all(met)
    assert used == met[0]
    assert await stored_pepper(database, client.token) == key_id(NEW)
    assert await tokens.access(database, AFTER, unused) is None
    assert await tokens.access(database, BOTH, unused)


async def test_a_digest_of_days_before_key_ids_fits_and_gets_one(
    client: Client, database: db.Database
) -> None:
    async with database.transaction() as tx:
        forget = "update tokens set pepper_key = null where directory_id = $1"
        await tx.execute(forget, client.directory)

    access = await tokens.access(database, BOTH, client.token)

    assert access
    assert await stored_pepper(database, client.token) == key_id(NEW)


async def test_a_new_token_is_sealed_with_the_first_pepper_and_opens_nothing_with_others(
    client: Client, database: db.Database
) -> None:
    value = await issued(database, BOTH, client)

    assert await stored_pepper(database, value) == key_id(NEW)
    assert await tokens.access(database, BEFORE, value) is None
    assert await tokens.access(database, AFTER, value)
