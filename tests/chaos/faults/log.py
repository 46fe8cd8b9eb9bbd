"""What is in the log: repeats, holes, poison, a lost beginning; and histories made anew."""

import asyncio
import contextlib
import signal
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.ingest.usecases import generations
from shared import db, kafka
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import DIRECTORY_EVENTS, LANES, ROLE_EVENTS, lane_of
from tests.chaos.run import Run
from tests.integration.ingest.client import Client

_CONSUMERS = ("roles", "projector")
_TAKE_LANES = """
update relay_lanes set owner = gen_random_uuid(), epoch = epoch + 1,
                       lease_until = now() + interval '1 hour'
"""
_GIVE_LANES = "update relay_lanes set owner = null, lease_until = now()"
_LOSE = "delete from outbox where directory_id = $1 returning generation, sequence"
_PASS_OVER = "update relay_positions set sequence = $2 where directory_id = $1"


async def records_come_twice(run: Run) -> None:
    """A range of each directory's records is published again behind what followed; then both consumers are stopped, Kafka's offsets of their groups set back to 0, and they start again."""  # noqa: E501
    await run.pause(1, 2)
    count = 0
    async with kafka.publisher(run.ground.servers.kafka, "chaos") as publisher:
        for caller in run.load.callers.values():
            found = await run.rig.records(caller.client)
            first = run.dice.randrange(len(found))
            again = found[first : first + run.dice.randint(5, 40)]
            count += len(again)
            records = [kafka.Outgoing(DIRECTORY_EVENTS.name, r.key or b"", r.value) for r in again]
            await publisher.publish(lane_of(DirectoryId(caller.client.directory)), records)
    with run.keeper.hands_off(*_CONSUMERS):
        for name in _CONSUMERS:
            await run.rig.services[name].stop()
        directory, role = DIRECTORY_EVENTS.name, ROLE_EVENTS.name
        await _set_back(run, {"roles": [directory], "projector-1": [directory, role]})
        for name in _CONSUMERS:
            await run.rig.services[name].start()
    await run.until_drained(40)
    run.say(f"{count} records published again, offsets of both groups set back to 0")


async def _set_back(run: Run, groups: dict[str, list[str]]) -> None:
    for group, topics in groups.items():
        consumer = AIOKafkaConsumer(
            bootstrap_servers=run.ground.servers.kafka, group_id=group, enable_auto_commit=False
        )
        async with consumer:
            places = [TopicPartition(topic, lane) for topic in topics for lane in range(LANES)]
            consumer.assign(places)
            await consumer.commit(dict.fromkeys(places, 0))


async def records_are_missing(run: Run) -> None:
    """In a directory of its own, events are taken out of the outbox before the relay sends them, and the relay is told that it did; so the log has a hole."""  # noqa: E501
    client = await run.rig.directory()
    ada = await client.user("ada")
    group = await client.group("Admins", ada)
    await run.until_drained(30)
    async with run.session("ingest") as session:
        await session.execute(_TAKE_LANES)
        await asyncio.sleep(1.5)  # the relay notices that it has no lane
        bob = await client.user("bob")
        await client.patch_members("add", group, bob)
        lost = await session.fetch(_LOSE, client.directory)
        await session.execute(_PASS_OVER, client.directory, max(row["sequence"] for row in lost))
        await session.execute(_GIVE_LANES)
    since = time.monotonic()
    await client.user("cyd")
    run.expected[client.directory] = min(row["sequence"] for row in lost)
    await run.until(lambda: _knows(run, client, bob), 60, "no snapshot told what was missing")
    run.say(f"{len(lost)} events gone, healed by a snapshot after {time.monotonic() - since:.1f} s")
    run.say(f"others drained in {await run.until_drained(30):.1f} s")


async def _knows(run: Run, client: Client, user: str) -> bool:
    """Tell whether both consumers know a user and are live."""
    for name in _CONSUMERS:
        async with run.session(name) as session:
            there = await session.fetchval("select exists (select from users where id = $1)", user)
            state = await session.fetchval(
                "select state from directory_positions where directory_id = $1 and topic = $2",
                client.directory, DIRECTORY_EVENTS.name,
            )  # fmt: skip
        if not there or state != "live":
            return False
    return True


async def the_log_loses_its_beginning(run: Run) -> None:
    """The projector is stopped (SIGSTOP); role events come, DeleteRecords takes them away, more come; it is continued. Then a new read model is made of what there is (`rebuild --accept-loss`, `--switch … --force`, `unpark --skip` where its role events have a hole)."""  # noqa: E501
    client = run.caller().client
    group = run.load.groups[client.directory][0]
    await run.until_drained(30)
    await run.pause(1, 1.5)
    run.signal("projector", signal.SIGSTOP)
    await asyncio.sleep(0.6)  # its last fetch is answered
    for name in ("lost", "later"):
        user = await client.user(name)
        await client.patch_members("add", group, user)
        await run.until_told(client)
        if name == "lost":
            await run.rig.delete_records(client, ROLE_EVENTS.name)
    run.signal("projector", signal.SIGCONT)
    await run.until(lambda: _is_halted(run), 40, "the projector went on")
    await run.kill("projector")
    await run.until_ready()
    await run.until(lambda: _is_halted(run), 40, "started again the projector went on")
    run.say("the projector halted, and again after a start")
    await _rebuild_what_there_is(run, run.rig.at(client, run.rig.services["projector"]))


async def _is_halted(run: Run) -> bool:
    """Tell whether a metric says that the log lacks what is read next."""
    try:
        return (
            await run.rig.services["projector"].metric(
                'rollcall_consumer_halted{group="projector"}'
            )
            == 1
        )
    except aiohttp.ClientError:
        return False


async def _rebuild_what_there_is(run: Run, client: Client) -> None:
    """Do what the how-to says."""
    wanted = {"actor": "chaos", "switch": False, "acceptLoss": True}
    made = await client.manage("POST", "/rebuilds", wanted)
    run.claim(made.status == 202, f"a rebuild was answered {made}")

    async def is_over() -> bool:
        found = await client.manage("GET", "/rebuilds/current")
        return found.body.get("state") in {"comparing", "current", "differing"}

    seconds = await run.until(is_over, 120, "the new read model was never full")
    place = f"/read-models/{made.body['version']}/switch"
    told = await client.manage("POST", place, {"actor": "chaos", "force": True})
    run.claim(told.status == 200, f"the switch was answered {told}")
    # Role events have no snapshots: the hole is given up by hand, as the how-to says.
    await run.until(lambda: _stopped(run, "projector", client), 20, "the hole went unnoticed")
    for one in (await client.manage("GET", "/parked")).body["items"]:
        if one["topic"] == ROLE_EVENTS.name:
            await _give_up(run, "projector", one)
    run.say(f"a new read model of what there is after {seconds:.0f} s")  # fmt: skip
    run.say(f"drained in {await run.until_drained(30):.1f} s")


async def poison_is_written(run: Run) -> None:
    """Raw records under the keys of three directories: no JSON, JSON of another schema, a null value; each is given up with `skip`, as an operator would."""  # noqa: E501
    values = {"no JSON": b"{'", "another schema": b'{"specversion": "1.0"}', "null": None}
    clients = {name: await run.rig.directory() for name in values}
    for client in clients.values():
        await client.user("ada")
    await run.until_drained(30)
    async with kafka.publisher(run.ground.servers.kafka, "chaos") as publisher:
        for name, client in clients.items():
            record = kafka.Outgoing(DIRECTORY_EVENTS.name, client.directory.encode(), values[name])
            await publisher.publish(lane_of(DirectoryId(client.directory)), [record])
    later = {client.directory: await client.user("bob") for client in clients.values()}
    for client in clients.values():
        for service in _CONSUMERS:
            await run.until(lambda s=service, c=client: _stopped(run, s, c), 30,
                            f"{service} did not park")  # fmt: skip
    served = await run.until_served(15)
    for client in clients.values():
        for service in _CONSUMERS:
            await _give_up_first(run, service, client)
    for client in clients.values():
        await run.until(lambda c=client: _knows(run, c, later[c.directory]), 60,
                        "not live again after what was poison was given up")  # fmt: skip
    run.say(f"3 directories parked by both consumers, others served ({served:.1f} s), all live "
            f"again after skip and snapshot")  # fmt: skip


async def _stopped(run: Run, service: str, client: Client) -> dict | None:
    at = run.rig.at(client, run.rig.services[service])
    answer = await at.manage("GET", f"/parked?directory={client.directory}")
    items = answer.body["items"] if answer.status == 200 else []
    return items[0] if items else None


async def _give_up_first(run: Run, service: str, client: Client) -> None:
    """Do what `rollcall unpark --skip --yes` does."""
    stopped = await _stopped(run, service, client)
    if not stopped or not stopped.get("first"):
        run.claim(holds=False, words=f"{service} has nothing to skip: {stopped}")
        return
    await _give_up(run, service, stopped)


async def _give_up(run: Run, service: str, stopped: dict) -> None:
    at = run.rig.at(run.caller().client, run.rig.services[service])
    place = f"/parked/{stopped['topic']}/{stopped['directoryId']}"
    body = {"offset": stopped["first"]["offset"], "actor": "chaos"}
    skipped = await at.manage("POST", f"{place}/skip", body)
    run.claim(skipped.status == 204, f"{service} answered {skipped.status} to skip")
    await at.manage("POST", f"{place}/replay", {})


_PICKY = """
    if any("poison" in str(one.data) for one in envelopes):
        raise ValueError("a bug of this version")
    decoded ="""
_BROKEN = """
    if envelopes:
        raise ValueError("a bug of this version")
    decoded ="""


async def a_version_cannot_apply(run: Run) -> None:
    """Roles from a copied tree, whose handler fails for one user; the true version, then unpark. Then one that fails for everything under load, which must end itself; then the true one again."""  # noqa: E501
    client = await run.rig.directory()
    await client.user("ada")
    await run.until_drained(30)
    async with _other_roles(run, _PICKY):
        await client.user("poison")
        bob = await client.user("bob")
        await run.until(lambda: _stopped(run, "roles", client), 30, "roles did not park")
        await run.until_served(15)
    stopped = await _stopped(run, "roles", client)
    run.claim(stopped and stopped["waiting"] == 2, f"not two records wait: {stopped}")
    at = run.rig.at(client, run.rig.services["roles"])
    place = f"/parked/{DIRECTORY_EVENTS.name}/{client.directory}/replay"
    done = (await at.manage("POST", place, {})).body
    run.claim((done["applied"], done["waiting"]) == (2, 0), f"unpark came to {done}")
    await run.until(lambda: _knows(run, client, bob), 20, "not live after unpark")
    before = len(run.keeper.ended)
    made = [await run.rig.directory() for _ in range(8)]
    async with _other_roles(run, _BROKEN):
        for other in made:
            await other.user("ada")
        await run.until(lambda: ("roles", 1) in run.keeper.ended[before:], 40,
                        "a version that fails for everything went on")  # fmt: skip
    run.say("parked, replayed in order; a version that fails for all ended itself")
    parked = await _let_all_go(run)
    async with run.session("ingest") as session:
        seen = await session.fetchval("select count(*) from directory_sequences")
    most = max(5, seen // 20)
    run.claim(parked <= most, f"{parked} of {seen} directories were parked, {most} at most should")
    run.say(f"{parked} had parked; drained by the true version in "
            f"{await run.until_drained(40):.1f} s")  # fmt: skip


async def _let_all_go(run: Run) -> int:
    """Unpark whatever roles parked; return how many directories that were."""
    client = run.rig.at(run.caller().client, run.rig.services["roles"])
    items = (await client.manage("GET", "/parked")).body["items"]
    for one in items:
        place = f"/parked/{one['topic']}/{one['directoryId']}/replay"
        done = await client.manage("POST", place, {})
        run.claim(done.status == 200 and not done.body["waiting"], f"unpark came to {done.body}")
    return len(items)


@contextlib.asynccontextmanager
async def _other_roles(run: Run, code: str) -> Iterator[None]:
    """Run roles from a tree in which the handler begins with this."""
    service = run.rig.services["roles"]
    tree = run.rig.copied_tree(f"roles-{uuid.uuid4().hex[:6]}")
    file = tree / "services/roles/consumer.py"
    text = file.read_text("utf-8")
    assert text.count("    decoded =") == 1
    file.write_text(text.replace("    decoded =", code), "utf-8")
    usual = service.tree
    with run.keeper.hands_off("roles"):
        await service.stop()
        service.tree = tree
        await service.start()
    try:
        yield
    finally:
        with run.keeper.hands_off("roles"):
            with contextlib.suppress(TimeoutError):
                await service.stop()
            service.tree = usual
            await service.start()


async def mappings_change_in_a_storm(run: Run) -> None:
    """Mappings of all directories are saved four times a second for 12 s (40 s), granting and taking, while memberships change."""  # noqa: E501
    saved, stale, until = 0, 0, time.monotonic() + run.lasts(12, 40)
    while time.monotonic() < until:
        caller = run.dice.choice(list(run.load.callers.values()))
        client = run.rig.at(caller.client, run.rig.services["roles"])
        groups = run.load.groups[client.directory]
        wanted = [
            {"groupId": group, "role": role}
            for group in groups
            for role in ("admin", "editor")
            if run.dice.random() < 0.5
        ]
        place = f"/directories/{client.directory}/mapping"
        edit = {"version": (await client.manage("GET", place)).body["version"], "rows": wanted}
        # What takes much away is saved as it was shown, or refused.
        shown = await client.manage("POST", f"{place}/preview", edit)
        edit["effect"] = (shown.body or {}).get("effect")
        answer = await client.manage("PUT", place, edit)
        saved, stale = saved + (answer.status == 200), stale + (answer.status == 409)
        run.claim(answer.status in {200, 409, 503}, f"a mapping was answered {answer.status}")
        await run.pause(0.1, 0.4)
    run.claim(saved > 10, f"only {saved} mappings were saved")
    run.say(
        f"{saved} mappings saved, {stale} stale; drained in {await run.until_drained(30):.1f} s"
    )


async def ingest_goes_back_in_time(run: Run) -> None:
    """Ingest's database is copied (`create database … template`), goes on for some seconds, and is replaced by the copy; then `after-restore`, as the how-to says."""  # noqa: E501
    name = run.rig.databases.ingest.rpartition("/")[2]
    copy = f"{name}_backup"
    with run.keeper.hands_off("ingest"):
        await _with_ingest_stopped(run, f'create database "{copy}" template "{name}"')
    await run.until_served(20)
    await run.pause(2, 4)
    await run.until_drained(30)
    await run.load.stop()
    with run.keeper.hands_off("ingest"):
        await run.rig.services["ingest"].stop()
        await _as_superuser(run, f'drop database "{name}" with (force)')
        await _as_superuser(run, f'alter database "{copy}" rename to "{name}"')
        async with db.connect(run.rig.databases.ingest, "ingest", max_size=1) as database:
            count = await generations.renew(database, "chaos", datetime.now(UTC))
        await run.rig.services["ingest"].start()
    run.claim(count >= len(run.load.callers), f"only {count} directories got a new generation")
    run.say(f"{count} directories in a new generation, healed in "
            f"{await run.until_drained(60):.1f} s")  # fmt: skip
    client = run.caller().client
    await client.user("afterwards")
    await run.until_drained(30)


async def _with_ingest_stopped(run: Run, sql: str) -> None:
    name = run.rig.databases.ingest.rpartition("/")[2]
    await run.rig.services["ingest"].stop()
    await _as_superuser(run, f'alter database "{name}" allow_connections false')
    await _end_sessions(run, name)
    await _as_superuser(run, sql)
    await _as_superuser(run, f'alter database "{name}" allow_connections true')
    await run.rig.services["ingest"].start()


async def _end_sessions(run: Run, name: str) -> None:
    await _as_superuser(
        run,
        "select pg_terminate_backend(pid, 2000) from pg_stat_activity "
        f"where datname = '{name}' and pid <> pg_backend_pid()",
    )


async def _as_superuser(run: Run, sql: str) -> None:
    connection = await asyncpg.connect(run.ground.servers.postgres)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def read_models_are_rebuilt(run: Run) -> None:
    """`POST /v1/rebuilds` under load: a new version is filled, compared by checksum, and shown."""
    client = run.rig.at(run.caller().client, run.rig.services["projector"])
    answer = await client.manage("POST", "/rebuilds", {"actor": "chaos", "switch": True})
    run.claim(answer.status == 202, f"answered {answer.status}")
    last: dict = {}

    async def is_over() -> bool:
        found = await client.manage("GET", "/rebuilds/current")
        last.update(found.body)
        return bool(last["isLive"]) or last["state"] in {"differing", "failed", "dropped"}

    seconds = await run.until(is_over, 100, "the rebuild did not end")
    run.claim(last.get("isLive"), f"it was not shown: {last.get('state')}, {last.get('reason')}")
    equal = last.get("compared") == last.get("directories")
    run.claim(equal and last.get("directories"), f"compared {last.get('compared')} of "
              f"{last.get('directories')} directories")  # fmt: skip
    run.say(f"{last.get('total')} records, {last.get('compared')} directories equal, "
            f"shown after {seconds:.1f} s")  # fmt: skip
