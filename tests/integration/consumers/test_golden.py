"""Every event ever published is accepted by everyone who reads events, as it was published."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cloudevents.core.formats.json import JSONFormat

from cli.verify import role_fold
from cli.verify.fold import DirectoryFold
from cli.verify.role_fold import RoleFold
from services.projector import usecases as projecting
from services.projector.usecases import versions
from services.roles import consumer
from shared import db, kafka
from shared.contracts import directory_events, envelope
from shared.contracts.ids import DirectoryId
from shared.contracts.role_events import RoleAssigned
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS, ROLE_STATE, lane_of
from tests.integration.consumers import golden
from tests.integration.consumers.golden import EVERY, OF_DIRECTORIES, OF_ROLES, STATES, Golden
from tests.support.servers import Databases, Servers, fresh_database
from tests.support.waiting import eventually

DIRECTORY = EVERY[0].event.directory
USER = directory_events.UserRef.model_validate(STATES[0].event.data["user"])
TOPICS = {
    DIRECTORY_EVENTS.name: OF_DIRECTORIES,
    ROLE_EVENTS.name: OF_ROLES,
    ROLE_STATE.name: STATES,
}


def each(events: list[Golden]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("one", events, ids=lambda one: one.stem)


@pytest.fixture(scope="module")
async def databases(servers: Servers) -> AsyncIterator[Databases]:
    """One database for all: what a test applies is rolled back."""
    async with fresh_database(servers) as made:
        yield made


@pytest.fixture(scope="module")
async def roles(databases: Databases) -> AsyncIterator[db.Database]:
    async with db.connect(databases.roles, "roles") as found:
        await db.migrate(found, ["shared", "services.roles"])
        yield found


@pytest.fixture(scope="module")
async def read_models(databases: Databases) -> AsyncIterator[db.Database]:
    await versions.migrate(databases.projector)
    async with db.connect(databases.projector, "rm_1") as found:
        yield found


@asynccontextmanager
async def rolled_back(database: db.Database) -> AsyncIterator[db.Connection]:
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            yield connection
        finally:
            await transaction.rollback()


@each(OF_DIRECTORIES)
async def test_roles_applies_it(roles: db.Database, one: Golden) -> None:
    async with rolled_back(roles) as tx:
        await consumer.apply(tx, [envelope.parse(record) for record in one.history])

        assert await tx.fetchval("select id from directories") == DIRECTORY


@each(OF_DIRECTORIES)
async def test_the_projector_applies_a_directory_event(
    read_models: db.Database, one: Golden
) -> None:
    events = [envelope.parse(record) for record in one.history]

    async with rolled_back(read_models) as tx:
        await projecting.apply_directory_events(tx, events)

        assert await logged(tx) == [event.type for event in events]


@each(OF_ROLES)
async def test_the_projector_applies_a_role_event(read_models: db.Database, one: Golden) -> None:
    async with rolled_back(read_models) as tx:
        await projecting.apply_role_events(tx, [one.event])

        assert await logged(tx) == [one.type]


async def logged(tx: db.Connection) -> list[str]:
    return [row["type"] for row in await tx.fetch("select type from events order by sequence")]


@each(OF_DIRECTORIES)
def test_verify_folds_a_directory_event(one: Golden) -> None:
    fold = DirectoryFold()

    for record in one.history:
        fold.apply(envelope.parse(record))

    assert fold.description is not None
    assert fold.strangers == []


@each(OF_ROLES)
def test_verify_folds_a_role_event(one: Golden) -> None:
    fold = RoleFold()

    fold.apply(one.event)

    assert fold != RoleFold()


@each(STATES)
def test_verify_reads_a_state(one: Golden) -> None:
    assert role_fold.state(one.event).roles != {}


@each(EVERY)
def test_the_public_cloudevents_package_reads_it(one: Golden) -> None:
    event = JSONFormat().read(None, one.record)

    assert event.get_type() == one.type
    assert event.get_id() == one.event.id
    assert event.get_data()["cause" if one not in STATES else "user"]


def test_there_are_events_for_every_consumer() -> None:
    assert {one.stem for one in EVERY} == {
        one.stem for one in (*OF_DIRECTORIES, *OF_ROLES, *STATES)
    }


@asynccontextmanager
async def program(output: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a Python program, its output in a file; it must not end by itself."""
    with output.open("wb") as sink:
        child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=sink)
        try:
            yield child
            assert child.returncode is None, "it ended by itself"
        finally:
            if child.returncode is None:
                child.terminate()
            await child.wait()


async def publish(
    servers: Servers, topic: str, records: list[bytes], directory: DirectoryId = DIRECTORY
) -> None:
    key = f"{directory}/{USER.id}" if topic == ROLE_STATE.name else directory
    async with kafka.publisher(servers.kafka, "test") as publisher:
        outgoing = [kafka.Outgoing(topic, key.encode(), record) for record in records]
        await publisher.publish(lane_of(directory), outgoing)


async def test_events_tail_shows_each_of_them(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_SERVERS", servers.kafka)
    for topic, events in TOPICS.items():
        await publish(servers, topic, golden.numbered(events))
    wanted = {one.type.removeprefix("rollcall.").removesuffix(".v1") for one in EVERY}
    arguments = ["events", "tail", "--from-beginning", "--directory", DIRECTORY]
    output = tmp_path / "output.txt"

    async with program(
        output, "-P", "-m", "cli", *arguments, *(f"--topic={topic}" for topic in TOPICS)
    ):
        await eventually(lambda: names(output) >= wanted, within_s=60)

    assert "not an event of Rollcall" not in output.read_text(encoding="utf-8")


def names(output: Path) -> set[str]:
    """Return the names of the events in the lines of a tail: time, directory, number, name."""
    lines = output.read_text(encoding="utf-8").splitlines()
    return {words[3] for words in map(str.split, lines) if len(words) > 3}


async def test_the_python_subscriber_reads_each_role_event(
    servers: Servers, tmp_path: Path
) -> None:
    output, own = tmp_path / "output.txt", str(tmp_path / "own")
    subscriber = "examples/subscriber-python/subscriber.py"

    async with program(output, subscriber, servers.kafka, own):
        await eventually(lambda: _is_heard(servers, output), within_s=60)
        await publish_elsewhere(servers, golden.numbered(OF_ROLES))
        await eventually(lambda: _says(output, USER.user_name, "no longer holds"), within_s=60)

    assert _says(output, USER.user_name, "now holds")


async def _is_heard(servers: Servers, output: Path) -> bool:
    """Tell whether a program follows: it says something about somebody of another directory."""
    [assigned] = golden.numbered([one for one in OF_ROLES if one.type == RoleAssigned.type])
    stranger = assigned.replace(USER.user_name.encode(), b"stranger@globex.test")
    await publish_elsewhere(servers, [stranger])
    return _says(output, "stranger@globex.test", "now holds")


async def publish_elsewhere(servers: Servers, records: list[bytes]) -> None:
    """Publish role events as those of a new directory, of which no state contains any."""
    directory = DirectoryId(str(uuid.uuid4()))
    moved = [one.replace(DIRECTORY.encode(), directory.encode()) for one in records]
    await publish(servers, ROLE_EVENTS.name, moved, directory)


def _says(output: Path, *words: str) -> bool:
    lines = output.read_text(encoding="utf-8").splitlines()
    return any(all(word in line for word in words) for line in lines)
