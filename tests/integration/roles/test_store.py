"""What the pure core proves holds with Postgres in between; every statement is one it takes."""

import asyncio
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import services.roles.store
from services.roles import usecases
from services.roles.domain.errors import BadMappingError
from services.roles.domain.values import Moment
from services.roles.usecases import manual, mapping
from shared import db
from shared.contracts.directory_events import Cause
from shared.contracts.envelope import Envelope
from shared.contracts.management import DefaultRole, MappingEdit, MappingRow, RoleDeclaration
from shared.contracts.role_events import Reason
from shared.contracts.topics import ROLE_EVENTS, ROLE_STATE
from shared.outbox.relay import states_first
from tests.integration.roles import world
from tests.integration.roles.world import Row
from tests.support.directory_log import DirectoryLog, stable_id
from tests.support.histories import (
    ROLES,
    Act,
    History,
    Saved,
    cuts,
    histories,
    holed,
    mappings_of,
    parts,
    saved,
)

SAVED_AT = datetime(2026, 3, 3, tzinfo=UTC)
Change = tuple[str, str, str, str]
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
    for part, act in history.batches(at):
        await world.apply(database, envelopes[part])
        if act is not None:
            await do(database, history.log, act, part.stop)


async def do(database: db.Database, log: DirectoryLog, act: Act, number: int) -> None:
    key = stable_id(f"act {number}")
    if isinstance(act, Saved):
        edit = await edited(database, log, act)
        await mapping.save(database, log.id, edit, now=SAVED_AT, new_id=key)
        return
    moment = Moment(SAVED_AT, Cause(kind="administrator", id=key, actor="app"))
    wanted = manual.Wanted(log.id, act.user, act.role)
    if act.is_given:
        await manual.assign(database, wanted, moment)
    else:
        await manual.unassign(database, wanted, moment)


async def edited(database: db.Database, log: DirectoryLog, wanted: Saved) -> MappingEdit:
    before = await mapping.get(database, log.id)
    return MappingEdit(
        version=before.version,
        rows=[MappingRow(group_id=group, role=role) for group, role in wanted.rows],
        strategy=wanted.strategy,
        default=DefaultRole(role=wanted.default),
        enabled=wanted.enabled,
        held=wanted.held,
        actor="admin:mia",
    )


async def previewed(database: db.Database, log: DirectoryLog, wanted: Saved) -> list[Change]:
    """Return what a mapping would change, without changing anything."""
    edit = await edited(database, log, wanted)
    found = await mapping.preview(database, log.id, edit, now=SAVED_AT, most=1000)
    changes = [
        (kind, one.user.id, held.role.key, held.reason.model_dump_json())
        for one in found.users
        for kind, listed in (("assigned", one.gains), ("revoked", one.loses))
        for held in listed
    ]
    changes += [("kept", one.user.id, role.key, "") for one in found.users for role in one.keeps]
    users = {one.user.id for one in found.users}
    counted = found.gaining + found.losing + found.changing + found.keeping
    assert counted == len(users) == len(found.users)
    return sorted(changes)


async def told(database: db.Database, log: DirectoryLog, after: int) -> list[Change]:
    """Return the role events that came after so many rows of the outbox."""
    events = [row.document for row in (await world.outbox(database, log))[after:] if row.document]
    return sorted(
        (
            _VERB_OF[event["type"]],
            event["data"]["user"]["id"],
            event["data"]["role"]["key"],
            _reason(event["data"]),
        )
        for event in events
        if event["type"] in _VERB_OF
    )


_VERB_OF = {
    "rollcall.role.assigned.v1": "assigned",
    "rollcall.role.revoked.v1": "revoked",
    "rollcall.manual.assigned.v1": "kept",
}


def _reason(told: dict[str, Any]) -> str:
    return Reason.model_validate(told["reason"]).model_dump_json() if "reason" in told else ""


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories(), st.data())
async def test_what_is_previewed_is_what_a_save_brings_about(
    database: db.Database, history: History, data: st.DataObject
) -> None:
    await replay(database, history, [])
    groups = sorted(group.id for group in history.log.groups.values())
    row = st.tuples(st.sampled_from(groups), st.sampled_from(ROLES)) if groups else st.nothing()
    wanted = data.draw(mappings_of(st.lists(row, max_size=6 if groups else 0, unique=True)))
    before = await world.outbox(database, history.log)

    shown = await previewed(database, history.log, wanted)
    untouched = await world.outbox(database, history.log)
    await do(database, history.log, wanted, -1)

    assert untouched == before
    assert shown == await told(database, history.log, len(before))


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
    twin = History(DirectoryLog(organization=history.log.organization), history.acts)
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


def published(rows: list[Row], at_once: int) -> list[Row]:
    """Return the rows as the relay publishes them, so many at a time."""
    batches = [rows[start : start + at_once] for start in range(0, len(rows), at_once)]
    return [row for batch in batches for row in states_first(batch)]


def followed(record: list[Row], start: int, read: int) -> dict[str, list[str]]:
    """Return who holds what for a newcomer, as docs/how-to/consume-role-events.md says.

    It looks where the events end after `start` records, and reads the state after `read`.
    """
    states = [row for row in record[:read] if row.topic == ROLE_STATE.name]
    told_up_to = max((row.sequence for row in states if row.document), default=0)
    table = {
        row.key.rpartition("/")[2]: [
            held["role"]["key"]
            for held in (row.document or {"data": {"roles": []}})["data"]["roles"]
        ]
        for row in states
    }
    for row in record[start:]:
        event = row.document or {"data": {}}
        if (
            row.topic == ROLE_EVENTS.name
            and row.sequence > told_up_to
            and "rolesAfter" in event["data"]
        ):
            table[event["data"]["user"]["id"]] = event["data"]["rolesAfter"]
    return {user: roles for user, roles in table.items() if roles}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories(), cuts, st.integers(1, 7), st.data())
async def test_a_newcomer_misses_nothing_whenever_it_comes(
    database: db.Database, history: History, at: list[int], at_once: int, data: st.DataObject
) -> None:
    await replay(database, history, at)
    record = published(await world.outbox(database, history.log), at_once)
    start = data.draw(st.integers(0, len(record)))
    read = data.draw(st.integers(start, len(record)))

    table = followed(record, start, read)

    assert {(user, role) for user, roles in table.items() for role in roles} == {
        *history.expected()
    }


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(holed(), cuts)
async def test_who_missed_a_part_comes_to_the_same_by_a_snapshot(
    database: db.Database, drawn: tuple[History, list[Envelope]], at: list[int]
) -> None:
    history, envelopes = drawn
    log = history.log
    for role in ROLES:
        await usecases.declare_role(database, role, RoleDeclaration(name=role.title()))
    await world.apply(database, envelopes[:1])
    async with database.connection() as connection:
        await connection.executemany(
            "insert into mappings (directory_id, group_id, role_key, position) "
            "values ($1, $2, $3, $4)",
            [(log.id, *row, place) for place, row in enumerate(history.mapping.rows)],
        )
        await connection.execute(
            "update directories set strategy = $2, default_role = $3, mapping_on = $4 "
            "where id = $1",
            log.id, history.mapping.strategy, history.mapping.default, history.mapping.enabled,
        )  # fmt: skip
        await connection.executemany(
            "insert into manual_assignments values ($1, $2, $3, now(), $4)",
            [(log.id, *held, {"kind": "administrator", "id": "1"})
             for held in history.by_hand_then],
        )  # fmt: skip

    for part in parts(envelopes[1:], at):
        await world.apply(database, part)

    rows = await world.outbox(database, log)
    events = [row.document or {} for row in rows if row.topic == ROLE_EVENTS.name]
    known = await usecases.groups(database, log.id, None)
    assert await world.stored(database, log) == history.expected()
    assert world.held(events) == set(history.expected())
    assert {one.id for one in known} == {group.id for group in log.groups.values()}


async def test_a_newcomer_starts_at_a_snapshot_and_may_be_mapped_at_once(
    database: db.Database,
) -> None:
    log = DirectoryLog()
    owners = log.group("owners")
    log.user("ada")
    log.join("ada", "owners")
    log.begin()
    log.end()
    opened = replace(log.envelopes[4], is_behind_gap=True)
    await usecases.declare_role(database, ROLES[0], RoleDeclaration(name="Admin"))

    await world.apply(database, [opened, *log.envelopes[5:6]])
    with pytest.raises(BadMappingError):
        await do(database, log, saved((owners, ROLES[0])), 1)
    await world.apply(database, log.envelopes[6:])
    await do(database, log, saved((owners, ROLES[0])), 2)

    assert await world.stored(database, log) == {(log.users["ada"].id, ROLES[0]): {owners}}


async def test_a_mapping_event_comes_first_then_each_state_before_the_event_that_leads_to_it(
    database: db.Database,
) -> None:
    log = DirectoryLog()
    owners = log.group("owners")
    log.user("ada")
    log.join("ada", "owners")
    history = History(log, [(len(log.records), saved((owners, ROLES[0])))])

    await replay(database, history, [])

    rows = await world.outbox(database, log)
    types = [row.document and row.document["type"] for row in rows]
    assert types == [
        "rollcall.mapping.saved.v1",
        "rollcall.role.state.v1",
        "rollcall.role.assigned.v1",
    ]
    causes = {repr(row.document["data"]["cause"]) for row in rows[::2] if row.document}
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
    monkeypatch.setattr(mapping, "_USERS_AT_ONCE", 3)
    log = DirectoryLog()
    owners = log.group("owners")
    for number in range(10):
        log.user(f"user {number}")
        log.join(f"user {number}", "owners")
    history = History(log, [(len(log.records), saved((owners, ROLES[0])))])

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
            wanted = saved((groups[number % 2], ROLES[0]), (groups[0], ROLES[1]))
            history.acts.append((len(log.records), wanted))
            await do(database, log, wanted, number)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consume())
        tasks.create_task(edit())

    events = [row for row in await world.outbox(database, log) if row.topic == ROLE_EVENTS.name]
    assert await world.stored(database, log) == history.expected()
    assert world.held(row.document or {} for row in events) == set(history.expected())
