"""What `deploy/postgres/bootstrap.sql` gives to each service, and keeps from the others."""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

import asyncpg
import pytest

from deploy.postgres.bootstrap import SERVICES, bootstrap
from tests.support.servers import Databases, Servers

PASSWORD = "rollcall"


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


@pytest.fixture
async def maker(servers: Servers) -> AsyncIterator[str]:
    """Yield the DSN of a user who may make roles and databases, as managed servers have it.

    Roles belong to the server: who did not make them is made a member by who did.
    """
    name = f"maker_{uuid.uuid4().hex}"
    superuser = await asyncpg.connect(servers.postgres)
    await superuser.execute(f"create role {name} login createrole createdb password 'maker'")
    for service in SERVICES:
        await superuser.execute(f"grant {service} to {name} with admin option")
    host = servers.postgres.rpartition("@")[2].partition("/")[0]
    yield f"postgresql://{name}:maker@{host}/postgres"
    await superuser.execute(f'drop database if exists "{name}" with (force)')
    await superuser.execute(f"drop owned by {name} cascade")
    for service in SERVICES:
        await superuser.execute(f"revoke {service} from {name} cascade")
    await superuser.execute(f"drop role {name}")
    await superuser.close()


async def bootstrapped(superuser: str, urls: Mapping[str, str]) -> tuple[int, str]:
    """Run `rollcall bootstrap` with these settings; return its exit code and all it said."""
    settings = {f"ROLLCALL_{name.upper()}_DATABASE_URL": url for name, url in urls.items()}
    given = {**os.environ, **settings, "ROLLCALL_SUPERUSER_DATABASE_URL": superuser}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "cli", "bootstrap", env=given,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await child.communicate()
    return child.returncode or 0, output.decode()


def urls_of(dsn: str, database: str, password: str = PASSWORD) -> dict[str, str]:
    host = dsn.rpartition("@")[2].partition("/")[0]
    secret = quote(password, safe="")
    return {name: f"postgresql://{name}:{secret}@{host}/{database}" for name in SERVICES}


async def test_the_command_makes_what_services_connect_to(maker: str) -> None:
    name = maker.split("/")[2].partition(":")[0]
    urls = urls_of(maker, name)

    first = await bootstrapped(maker, urls)
    again = await bootstrapped(maker, urls)

    assert first == again == (0, f"Database {name} is there, with {', '.join(SERVICES)}.\n")
    connection = await asyncpg.connect(urls["roles"])
    await connection.execute("create table roles.things (id int)")
    await connection.close()


@pytest.mark.parametrize(
    ("service", "url", "said"),
    [
        ("roles", "postgresql://someone:else@db/rollcall", "ROLLCALL_ROLES_DATABASE_URL must name"),
        ("portal", "postgresql://portal@db/rollcall", "ROLLCALL_PORTAL_DATABASE_URL must name"),
        ("ingest", "postgresql://ingest:else@db/other", "must name the same database"),
        ("ingest", "", "Set ROLLCALL_INGEST_DATABASE_URL"),
    ],
)
async def test_an_address_that_fits_no_role_is_refused_before_anything_is_made(
    servers: Servers, service: str, url: str, said: str
) -> None:
    urls = urls_of(servers.postgres, "never") | {service: url}

    code, output = await bootstrapped(servers.postgres, urls)

    assert code == 2
    assert said in output


async def test_a_superuser_who_is_refused_is_named_without_the_password(servers: Servers) -> None:
    wrong = servers.postgres.replace("postgres:", "postgres:secret", 1)

    code, output = await bootstrapped(wrong, urls_of(servers.postgres, "never"))

    assert code == 2
    assert output.startswith("Error: ROLLCALL_SUPERUSER_DATABASE_URL: ")
    assert "secret" not in output


async def test_any_password_is_set_as_it_is(servers: Servers, databases: Databases) -> None:
    password = 'it\'s "quoted" \\ and % @ / :'
    connection = await asyncpg.connect(servers.postgres)
    await connection.execute("create role somebody login")

    await bootstrap(servers.postgres, databases.name, {"somebody": password})

    url = urls_of(servers.postgres, databases.name, password)["ingest"]
    allowed = f"grant connect on database {databases.name} to somebody"
    await connection.execute(allowed)
    somebody = await asyncpg.connect(url.replace("//ingest:", "//somebody:"))
    assert await somebody.fetchval("select current_user") == "somebody"
    await somebody.close()
    await connection.execute(f"revoke all on database {databases.name} from somebody")
    await connection.execute("drop role somebody")
    await connection.close()
