"""What `deploy/postgres/bootstrap.sql` gives to each service, and keeps from the others."""

import asyncpg
import pytest

from deploy.local.postgres import SERVICES, bootstrap
from tests.support.servers import Databases, Servers


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_works_in_its_own_schema(databases: Databases, service: str) -> None:
    connection = await asyncpg.connect(databases.of(service))

    await connection.execute("create table things (id int)")

    schema = "select schemaname from pg_tables where tablename = 'things'"
    assert await connection.fetchval(schema) == service
    await connection.close()


@pytest.mark.parametrize("schema", ["ingest", "projector", "portal", "public"])
async def test_a_service_has_no_way_into_another_schema(databases: Databases, schema: str) -> None:
    connection = await asyncpg.connect(databases.roles)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(f"create table {schema}.things (id int)")

    await connection.close()


async def test_a_service_has_no_way_into_another_database(
    databases: Databases, servers: Servers
) -> None:
    superuser = await asyncpg.connect(servers.postgres)
    name = f"{databases.name}_other"
    await superuser.execute(f'create database "{name}"')
    await bootstrap(servers.postgres, name, {})

    allowed = await superuser.fetchval(
        "select has_database_privilege('public', $1, 'connect')", name
    )

    assert not allowed
    await superuser.execute(f'drop database "{name}"')
    await superuser.close()


async def test_running_it_again_changes_nothing(databases: Databases, servers: Servers) -> None:
    connection = await asyncpg.connect(databases.ingest)
    await connection.execute("create table things (id int)")

    await bootstrap(servers.postgres, databases.name, {})

    assert await connection.fetchval("select count(*) from ingest.things") == 0
    await connection.close()
