"""Each example is a downstream app that ends right, whatever happens to it and to the log."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from shared import kafka
from shared.contracts.envelope import Position, event_id
from shared.contracts.ids import DirectoryId
from shared.contracts.role_events import SCOPE
from shared.contracts.topics import ROLE_EVENTS, lane_of
from tests.support import toolchains
from tests.support.system import System, running
from tests.support.toolchains import EXAMPLES, MADE_BY_TOOLS, TOOLCHAINS, MissingToolError
from tests.support.waiting import eventually
from tests.support.world import Directory, Person, World, revoked

pytestmark = pytest.mark.timeout(400)  # the first run fetches what the examples need
Holds = dict[str, list[str]]

# Lines in all. Java and Go write out types, errors and closing brackets.
LIMITS = {"python": 80, "node": 80, "java": 122, "go": 155}


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A system of their own: these tests write to the log what no one should."""
    async with running(tmp_path_factory.mktemp("examples")) as ready:
        yield ready


@dataclass(slots=True)
class Subscriber:
    """An example, with the file of its table; start and kill it as often as you like."""

    command: Sequence[str]
    expected: Path
    folder: Path
    child: asyncio.subprocess.Process | None = None

    @property
    def file(self) -> Path:
        return self.folder / "table.json"

    @property
    def said(self) -> list[str]:
        return (self.folder / "output.txt").read_text(encoding="utf-8").splitlines()

    def holds(self, directory: str) -> Holds:
        """Return the rows of a directory: user → roles."""
        if not self.file.exists():
            return {}
        rows = json.loads(self.file.read_text(encoding="utf-8"))["holds"]
        return {
            key.removeprefix(f"{directory}/"): sorted(roles)
            for key, roles in rows.items()
            if key.startswith(directory)
        }

    async def start(self, servers: str) -> None:
        with (self.folder / "output.txt").open("ab") as sink:
            self.child = await asyncio.create_subprocess_exec(
                *self.command, servers, str(self.file), stdout=sink, stderr=sink
            )

    async def kill(self) -> None:
        if self.child is not None:
            assert self.child.returncode is None, self.said[-20:]
            self.child.kill()
            await self.child.wait()
            self.child = None

    async def shows(self, directory: str, expected: Holds) -> None:
        """Wait until the table says this of a directory."""

        def agrees() -> bool:
            assert self.child is None or self.child.returncode is None, self.said[-20:]
            return self.holds(directory) == expected

        try:
            await eventually(agrees, within_s=60)
        except TimeoutError:
            assert self.holds(directory) == expected, self.said[-20:]


@pytest.fixture(params=sorted(TOOLCHAINS))
async def app(
    request: pytest.FixtureRequest, system: System, tmp_path: Path
) -> AsyncIterator[Subscriber]:
    try:
        command = await toolchains.command(request.param)
    except MissingToolError as missing:
        pytest.skip(str(missing))
    expected = EXAMPLES / f"subscriber-{request.param}" / "expected.txt"
    subscriber = Subscriber(command, expected, tmp_path)
    try:
        yield subscriber
    finally:
        await subscriber.kill()


async def by_roles(directory: Directory, people: Iterable[Person]) -> Holds:
    """Return what the roles service says of these people, as the table has it."""
    held = {person.id: sorted(await directory.roles_of(person)) for person in people}
    return {user: roles for user, roles in held.items() if roles}


async def followed(app: Subscriber, world: World) -> None:
    """Start the app, and wait until its first table is there."""
    await app.start(world.system.run["kafka"])
    await eventually(app.file.exists, within_s=60)


async def test_it_prints_each_role_event_as_a_sentence(app: Subscriber, world: World) -> None:
    acme = await world.directory(mapping={"Admins": "admin", "Owners": "admin"})
    await followed(app, world)

    noor = await acme.provision("noor", groups=["Admins"])
    kofi = await acme.provision("kofi", groups=["Admins", "Owners"])
    await acme.remove(kofi, "Admins")
    await acme.suspend(noor)
    await acme.become(noor, set())
    await acme.delete(kofi)

    expected = app.expected.read_text(encoding="utf-8").splitlines()
    await eventually(lambda: _contains_in_order(app.said, expected), within_s=30)
    await app.shows(acme.id, {})


async def test_killed_at_any_time_it_goes_on_where_its_table_is(
    app: Subscriber, world: World
) -> None:
    acme = await world.directory(mapping={"Admins": "admin", "Owners": "owner"})
    early = [await acme.provision(f"early{n}", groups=["Admins"]) for n in range(3)]
    await acme.become(early[-1], {"admin"})
    await followed(app, world)
    await app.shows(acme.id, await by_roles(acme, early))

    late = []
    tables = []
    for number in range(12):
        late.append(await acme.provision(f"late{number}", groups=["Admins", "Owners"]))
        if number in {2, 5, 8}:
            await app.kill()
            tables.append(app.file.read_bytes())
            await acme.suspend(early[number // 3])
            await app.start(world.system.run["kafka"])
        await acme.remove(late[number // 2], "Admins")

    await acme.become(late[-1], {"admin", "owner"})
    await acme.become(early[2], set())
    expected = await by_roles(acme, [*early, *late])
    await app.shows(acme.id, expected)
    assert len(expected) == 12
    await app.kill()
    app.file.write_bytes(tables[0])  # as after a crash, or from a backup

    await app.start(world.system.run["kafka"])

    await app.shows(acme.id, expected)
    assert not [line for line in app.said if "missed something" in line]


async def test_what_is_repeated_unknown_missing_or_begun_anew_leaves_the_table_right(
    app: Subscriber, world: World
) -> None:
    acme = await world.directory(mapping={"Admins": "admin"})
    await followed(app, world)
    ada, bob = [await acme.provision(name, groups=["Admins"]) for name in ("ada", "bob")]
    await acme.become(bob, {"admin"})
    await acme.suspend(ada)
    await acme.become(ada, set())
    expected = await by_roles(acme, [ada, bob])
    await app.shows(acme.id, expected)
    [first, *_] = [one for one in await acme.events(ROLE_EVENTS.name) if "role" in one["data"]]
    forged = Forged(world, str(uuid.uuid4()), first)

    await forged.repeat(acme, first)
    await forged.say(1, 1, ["admin"])
    await forged.say(1, 2, ["admin", "owner"])
    await forged.say(1, 1, ["admin"])
    await forged.say(1, 3, ["nothing"], type="rollcall.role.hummed.v1")
    await app.shows(forged.directory, {forged.user: ["admin", "owner"]})
    await forged.say(1, 4, [])
    await app.shows(forged.directory, {})
    await forged.say(7, 1, ["owner"])
    await forged.say(1, 5, ["admin"])
    await forged.say(7, 2, ["owner", "admin"])
    await app.shows(forged.directory, {forged.user: ["admin", "owner"]})
    await forged.say(7, 9, [])

    # Something is missing: the compacted topic, which knows nothing of the forged one, decides.
    await app.shows(forged.directory, {})
    assert any("missed something" in line for line in app.said)
    assert app.holds(acme.id) == expected
    await acme.reactivate(ada)
    await acme.become(ada, {"admin"})
    await app.shows(acme.id, await by_roles(acme, [ada, bob]))


async def test_a_lost_table_is_made_again_from_the_compacted_topic(
    app: Subscriber, world: World
) -> None:
    acme = await world.directory(mapping={"Admins": "admin"})
    ada, bob, eve = [
        await acme.provision(name, groups=["Admins"]) for name in ("ada", "bob", "eve")
    ]
    await acme.become(eve, {"admin"})
    await acme.delete(bob)
    await acme.become(bob, set())
    await followed(app, world)
    await app.shows(acme.id, await by_roles(acme, [ada, bob, eve]))
    await app.kill()
    before = len(app.said)
    app.file.unlink()
    await acme.remove(ada, "Admins")
    await acme.become(ada, set())

    await followed(app, world)

    await app.shows(acme.id, {eve.id: ["admin"]})
    await acme.add(ada, "Admins")
    await acme.become(ada, {"admin"})
    await app.shows(acme.id, await by_roles(acme, [ada, eve]))
    assert not [line for line in app.said[before:] if bob.user_name in line]


async def test_what_the_log_no_longer_has_is_in_the_compacted_topic(
    app: Subscriber, world: World
) -> None:
    acme = await world.directory(mapping={"Admins": "admin"})
    await followed(app, world)
    ada, bob = [await acme.provision(name, groups=["Admins"]) for name in ("ada", "bob")]
    await app.shows(acme.id, {ada.id: ["admin"], bob.id: ["admin"]})
    await app.kill()
    await acme.remove(ada, "Admins")
    await eventually(lambda: _was_revoked(acme, ada), within_s=60)
    await expire(world, acme)

    await app.start(world.system.run["kafka"])

    # No event comes that would show a gap: the directory is quiet now.
    await app.shows(acme.id, {bob.id: ["admin"]})
    await acme.remove(bob, "Admins")
    await app.shows(acme.id, {})


async def _was_revoked(directory: Directory, person: Person) -> bool:
    return revoked("admin") in await directory.role_events(person)


async def expire(world: World, directory: Directory) -> None:
    """Let all role events go of the partition that the directory lies in, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=world.system.run["kafka"])
    place = TopicPartition(ROLE_EVENTS.name, lane_of(DirectoryId(directory.id)))
    await admin.start()
    try:
        await admin.delete_records({place: RecordsToDelete(before_offset=-1)})
    finally:
        await admin.close()


@pytest.mark.parametrize(("language", "limit"), LIMITS.items())
def test_it_is_one_short_file(language: str, limit: int) -> None:
    folder = EXAMPLES / f"subscriber-{language}"
    files = [path for path in folder.rglob("*") if path.suffix in {".py", ".js", ".java", ".go"}]

    [source] = [path for path in files if not set(MADE_BY_TOOLS) & set(path.parts)]

    lines = source.read_text(encoding="utf-8").expandtabs(4).splitlines()
    assert len(lines) < limit
    assert [line for line in lines if len(line) > 100] == []


def test_what_each_needs_is_pinned_and_names_no_address() -> None:
    runtime = Path("requirements/runtime.txt").read_text(encoding="utf-8")
    pinned = (EXAMPLES / "subscriber-python" / "requirements.txt").read_text(encoding="utf-8")
    lock = (EXAMPLES / "subscriber-node" / "package-lock.json").read_text(encoding="utf-8")
    assert "--hash=sha256:" in pinned
    assert [line for line in pinned.splitlines() if line not in runtime.splitlines()] == []
    assert "integrity" in lock
    assert "resolved" not in lock


def _contains_in_order(lines: list[str], expected: list[str]) -> bool:
    """Whether the expected lines are there in order; other directories' lines may stand between."""
    rest = iter(lines)
    return all(line in rest for line in expected)


@dataclass(frozen=True, slots=True)
class Forged:
    """A directory that nobody made, told of on `role.events.v1` as nobody should."""

    world: World
    directory: str
    template: dict[str, Any]

    @property
    def user(self) -> str:
        return str(self.template["data"]["user"]["id"])

    async def say(self, generation: int, sequence: int, after: list[str], **changes: str) -> None:
        """Publish that the user holds these roles now."""
        position = Position(generation, sequence)
        event = {
            **self.template,
            "id": event_id(DirectoryId(self.directory), position, SCOPE),
            "source": f"/directories/{self.directory}/roles",
            "sequence": f"{sequence:020d}",
            "generation": generation,
            "data": {**self.template["data"], "rolesAfter": after},
            **changes,
        }
        await self._publish(self.directory, event)

    async def repeat(self, directory: Directory, event: dict[str, Any]) -> None:
        """Publish once more what a real directory said."""
        await self._publish(directory.id, event)

    async def _publish(self, directory: str, event: dict[str, Any]) -> None:
        record = kafka.Outgoing(ROLE_EVENTS.name, directory.encode(), json.dumps(event).encode())
        async with kafka.publisher(self.world.system.run["kafka"], "forger") as publisher:
            await publisher.publish(lane_of(DirectoryId(directory)), [record])
