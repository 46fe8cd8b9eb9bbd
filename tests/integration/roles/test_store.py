"""What the pure core proves holds with Postgres in between; every statement is one it takes."""

import asyncio
import importlib
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings

import services.roles.store
from services.roles import usecases
from shared import db
from shared.contracts.management import MappingEdit, MappingRow, RoleDeclaration
from shared.contracts.topics import ROLE_EVENTS, ROLE_STATE
from tests.integration.roles import world
from tests.integration.roles.world import Row
from tests.support.directory_log import DirectoryLog, stable_id
from tests.support.histories import ROLES, History, Rows, cuts, histories

SAVED_AT = datetime(2026, 3, 3, tzinfo=UTC)
_VERBS = ("select", "insert", "update", "delete", "with")


def statements() -> Iterator[tuple[str, str]]:
    package = services.roles.store
    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        for name, value in vars(loaded).items():
            if isinstance(value, str) and value.strip().startswith(_VERBS):
                yield f"{module.name}.{name}", value


async def test_every_statement_fits_the_migrated_schema(database: db.Database) -> None:
    found = dict(statements())

    async with database.connection() as connection:
        for statement in found.values():
            await connection.prepare(statement)

    assert {"directories._LOCK", "mappings._ROWS", "working._PUT_ASSIGNMENTS"} < found.keys()


async def replay(database: db.Database, history: History, at: list[int]) -> None:
    envelopes = history.log.envelopes
    for role in ROLES:
        await usecases.declare_role(database, role, RoleDeclaration(name=role.title()))
    for part, rows in history.batches(at):
        await world.apply(database, envelopes[part])
        if rows is not None:
            await save(database, history.log, rows, part.stop)


async def save(database: db.Database, log: DirectoryLog, rows: Rows, number: int) -> None:
    before = await usecases.mapping(database, log.id)
    edit = MappingEdit(
        version=before.version,
        rows=[MappingRow(group_id=group, role=role) for group, role in sorted(rows)],
        actor="admin:mia",
    )
    await usecases.save_mapping(
        database, log.id, edit, now=SAVED_AT, new_id=stable_id(f"save {number}")
    )


def anonymous(rows: list[Row], log: DirectoryLog) -> list[object]:
    """Return the rows without the directory's id, which is all that two runs differ in."""
    return [
        (row.topic, row.key.replace(log.id, "·"), row.sequence,
         repr(row.document).replace(log.id, "·"))
        for row in rows
    ]  # fmt: skip


def last_states(rows: list[Row], log: DirectoryLog) -> dict[str, str]:
    """Return what remains of `role.state.v1` once it is compacted."""
    return {
        row.key.replace(log.id, "·"): repr(row.document).replace(log.id, "·")
        for row in rows
        if row.topic == ROLE_STATE.name
    }


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories(), cuts)
async def test_however_the_log_is_cut_the_same_is_stored_and_published(
    database: db.Database, history: History, at: list[int]
) -> None:
    twin = History(DirectoryLog(organization=history.log.organization), history.saves)
    twin.log.records = [
        record.replace(history.log.id.encode(), twin.log.id.encode())
        for record in history.log.records
    ]

    await replay(database, history, at)
    await replay(database, twin, list(range(len(twin.log.records))))

    rows, twins = [await world.outbox(database, one.log) for one in (history, twin)]
    events = [row for row in rows if row.topic == ROLE_EVENTS.name]
    assert await world.stored(database, history.log) == history.expected()
    assert world.held(row.document or {} for row in events) == set(history.expected())
    assert [row.sequence for row in events] == list(range(1, len(events) + 1))
    assert anonymous(events, history.log) == anonymous(
        [row for row in twins if row.topic == ROLE_EVENTS.name], twin.log
    )
    assert last_states(rows, history.log) == last_states(twins, twin.log)


async def test_a_mapping_event_comes_first_then_its_transitions_then_states(
    database: db.Database,
) -> None:
    log = DirectoryLog()
    owners = log.group("owners")
    log.user("ada")
    log.join("ada", "owners")
    history = History(log, [(len(log.records), frozenset({(owners, ROLES[0])}))])

    await replay(database, history, [])

    rows = await world.outbox(database, log)
    types = [row.document and row.document["type"] for row in rows]
    assert types == [
        "rollcall.mapping.saved.v1",
        "rollcall.role.assigned.v1",
        "rollcall.role.state.v1",
    ]
    causes = {repr(row.document["data"]["cause"]) for row in rows[:2] if row.document}
    assert len(causes) == 1
    assert [row.sequence for row in rows] == [1, 2, 2]


async def test_events_of_many_directories_are_applied_in_one_batch(database: db.Database) -> None:
    logs = [DirectoryLog() for _ in range(3)]
    for number, log in enumerate(logs):
        log.group("owners")
        log.user(f"user {number}")
        log.join(f"user {number}", "owners")

    await world.apply(database, [one for log in logs for one in log.envelopes])

    for log in logs:
        [group] = await usecases.groups(database, log.id, "OWNERS")
        assert group.members == 1


async def test_a_large_group_is_remapped_in_chunks(
    database: db.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usecases, "_USERS_AT_ONCE", 3)
    log = DirectoryLog()
    owners = log.group("owners")
    for number in range(10):
        log.user(f"user {number}")
        log.join(f"user {number}", "owners")
    history = History(log, [(len(log.records), frozenset({(owners, ROLES[0])}))])

    await replay(database, history, [])

    rows = await world.outbox(database, log)
    assert await world.stored(database, log) == history.expected()
    assert [row.sequence for row in rows if row.topic == ROLE_EVENTS.name] == list(range(1, 12))


async def test_saves_between_batches_never_leave_a_wrong_assignment(database: db.Database) -> None:
    log = DirectoryLog()
    groups = [log.group(name) for name in ("owners", "staff")]
    history = History(log)
    await replay(database, history, [])
    seen = len(log.records)
    for number in range(60):
        log.user(f"user {number}")
        log.join(f"user {number}", "owners" if number % 2 else "staff")

    async def consume() -> None:
        for one in log.envelopes[seen:]:
            await world.apply(database, [one])

    async def edit() -> None:
        for number in range(20):
            rows = frozenset({(groups[number % 2], ROLES[0]), (groups[0], ROLES[1])})
            history.saves.append((len(log.records), rows))
            await save(database, log, rows, number)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consume())
        tasks.create_task(edit())

    events = [row for row in await world.outbox(database, log) if row.topic == ROLE_EVENTS.name]
    assert await world.stored(database, log) == history.expected()
    assert world.held(row.document or {} for row in events) == set(history.expected())
