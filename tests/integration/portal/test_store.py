"""Every statement of the portal is one that Postgres takes; lists use indexes."""

import itertools
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import pytest

from services.__main__ import migrate
from services.portal.domain.rows import UserFilter
from services.portal.store import links, progress, selection, sessions, views
from shared import db
from shared.contracts.ids import DirectoryId, OrganizationId
from tests.support.large_directory import fill
from tests.support.servers import Databases, Servers, fresh_database

USERS = 20_000
_VERBS = ("select", "insert", "update", "delete", "with")
PREFIXES = (None, "ma", "magdalena.kovac", "nobody")
CHOICES = {
    "prefix": PREFIXES,
    "active": (None, True, False),
    "group": (None, "everyone", "team"),
    "role": (None, "admin", "editor"),
    "by": ("name", "updated"),
}
_NARROWING = ("prefix", "active", "group", "role")


@pytest.fixture(scope="module")
async def migrated(servers: Servers) -> AsyncIterator[Databases]:
    async with fresh_database(servers) as found:
        await migrate({"projector": found.projector, "portal": found.portal})
        yield found


@pytest.fixture(scope="module")
async def database(migrated: Databases) -> AsyncIterator[db.Database]:
    """As the portal opens it."""
    settings = {"plan_cache_mode": "force_custom_plan"}
    async with db.connect(migrated.portal, "portal", settings=settings) as found:
        yield found


@pytest.fixture(scope="module")
async def directory(migrated: Databases) -> DirectoryId:
    async with db.connect(migrated.projector, "rm_1") as found:
        return await fill(found, OrganizationId(str(uuid.uuid4())), USERS)


def statements(module: ModuleType) -> Iterator[str]:
    for value in vars(module).values():
        if isinstance(value, str) and value.strip().startswith(_VERBS) and "$1" in value:
            yield value


@pytest.mark.parametrize("module", [links, sessions, views], ids=lambda each: each.__name__)
async def test_every_statement_fits_the_migrated_schemas(
    database: db.Database, module: ModuleType
) -> None:
    found = list(statements(module))

    async with database.connection() as connection:
        for statement in found:
            await connection.prepare(statement)

    assert len(found) >= 4


def filters() -> Iterator[UserFilter]:
    for values in itertools.product(*CHOICES.values()):
        yield UserFilter(**dict(zip(CHOICES, values, strict=True)))


async def test_a_list_shows_the_same_users_whatever_it_is_filtered_by(
    database: db.Database, directory: DirectoryId
) -> None:
    async with database.connection() as connection:
        everyone = await _all(connection, directory)
        known = _who_fits(everyone)
        groups = {
            "everyone": await views.group_named(connection, directory, "everyone"),
            "team": await views.group_named(connection, directory, "team 010"),
        }
        for each in filters():
            wanted = _with_group(each, groups)
            fitting = set.intersection(*(known[name, getattr(each, name)] for name in _NARROWING))
            page, cursor = await views.users(connection, directory, wanted, None)
            found = {row.id for row in page}
            assert found <= fitting, each
            assert len(found) == len(page) == min(len(fitting), 50), each
            assert (cursor is None) == (len(fitting) <= 50), each
            if wanted.by == "updated":
                continue
            assert await views.count_users(connection, directory, wanted, 30_000) == len(fitting)
            if wanted.prefix is None:
                first = [row["id"] for row in everyone if row["id"] in fitting][:50]
                assert [row.id for row in page] == first, each


def _with_group(each: UserFilter, groups: dict[str, str | None]) -> UserFilter:
    group = groups[each.group] if each.group else None
    return UserFilter(each.prefix, each.active, group, each.role, each.by)


async def _all(connection: db.Connection, directory: DirectoryId) -> Sequence[db.Record]:
    return await connection.fetch(
        """
        select id::text, user_name, display_name, email, active, external_id::integer as n
        from projector.portal_users where directory_id = $1 order by lower(user_name), id
        """,
        directory,
    )


def _who_fits(everyone: Sequence[db.Record]) -> dict[tuple[str, Any], set[str]]:
    """Return whom each choice of each filter leaves, from how the directory was made."""
    rules: dict[tuple[str, Any], Callable[[db.Record], bool]] = {
        ("group", "team"): lambda row: 2 + row["n"] % 499 == 10,
        ("role", "admin"): lambda row: row["n"] % 2000 == 7,
        ("role", "editor"): lambda row: (2 + row["n"] % 499) % 10 == 0,
        ("active", True): lambda row: row["active"],
        ("active", False): lambda row: not row["active"],
    }
    found = {key: {row["id"] for row in everyone if rule(row)} for key, rule in rules.items()}
    for prefix in PREFIXES[1:]:
        found["prefix", prefix] = {
            row["id"] for row in everyone
            if any(row[name].lower().startswith(str(prefix))
                   for name in ("user_name", "display_name", "email"))
        }  # fmt: skip
    whole = {row["id"] for row in everyone}
    return {(name, choice): found.get((name, choice), whole)
            for name in _NARROWING for choice in CHOICES[name]}  # fmt: skip


async def test_pages_follow_each_other_without_a_gap_in_both_orders(
    database: db.Database, directory: DirectoryId
) -> None:
    async with database.connection() as connection:
        for order in ("name", "updated"):
            wanted = UserFilter(prefix="ra", by=order)
            seen: list[str] = []
            page, cursor = await views.users(connection, directory, wanted, None)
            seen += [row.id for row in page]
            while cursor:
                page, cursor = await views.users(connection, directory, wanted, cursor)
                seen += [row.id for row in page]
            assert len(seen) == len(set(seen)) == USERS // 16


def scans(plan: dict[str, Any]) -> Iterator[str]:
    """Yield the tables that a plan reads from end to end."""
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from scans(part)


async def _scans(connection: db.Connection, query: str, values: Sequence[Any]) -> list[str]:
    found = await connection.fetchval(f"explain (format json) {query}", *values)
    return list(scans((found if isinstance(found, list) else json.loads(found))[0]["Plan"]))


async def test_no_page_of_a_list_reads_all_users(
    database: db.Database, directory: DirectoryId
) -> None:
    read = {}
    async with database.connection() as connection:
        groups = {
            "everyone": await views.group_named(connection, directory, "everyone"),
            "team": await views.group_named(connection, directory, "team 010"),
        }
        for each in filters():
            wanted = _with_group(each, groups)
            statement = selection.page(directory, wanted, None, 51)
            read[each] = await _scans(connection, *statement)

    assert {key: found for key, found in read.items() if "users" in found} == {}


async def test_a_rebuild_is_seen_while_it_runs_and_not_afterwards(
    migrated: Databases, database: db.Database
) -> None:
    seen = []
    async with db.connect(migrated.projector, "projector") as registry:
        for state in ("filling", "differing", "dropped"):
            async with registry.transaction() as tx:
                await tx.execute(
                    """
                    insert into read_models (version, state, actor, events, total)
                    values (2, $1, 'mia', 30, 120) on conflict (version) do update set state = $1
                    """,
                    state,
                )
            async with database.connection() as connection:
                found = await progress.rebuild(connection)
            seen.append(found and found.share)

    assert seen == [0.25, None, None]
