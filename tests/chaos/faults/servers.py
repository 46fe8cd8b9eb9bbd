"""Postgres and Kafka: stopped, killed, full, crowded; sessions that hold what others need."""

import asyncio
import os
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from cli.verify.run import SERVICES
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import DIRECTORY_EVENTS, LANES, lane_of
from tests.chaos.ground import fill
from tests.chaos.journal import Line
from tests.chaos.run import NotHereError, Run, summary
from tests.support.brokers import Brokers

_END_BACKENDS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where usename = $1 and pid <> pg_backend_pid()
"""
_DEADLOCKS = "select sum(deadlocks)::int from pg_stat_database"
_OLDEST = "select coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0) from outbox"


def _honest(run: Run, lines: list[Line], *, during: str) -> None:
    """Claim that what was not done was refused in form, at once, and with a time to come back."""
    late = [line for line in lines if not line.status]
    run.claim(not late, f"{len(late)} calls got no answer {during}")
    other = {line.status for line in lines if line.status >= 400} - {404, 409, 503}
    run.claim(not other, f"{during} there were answers other than 503: {sorted(other)}")
    silent = [line for line in lines if line.status == 503 and not line.says_when]
    run.claim(not silent, f"{len(silent)} answers 503 without Retry-After {during}")


async def backends_are_terminated(run: Run) -> None:
    """`pg_terminate_backend` of all sessions of ingest, roles and projector, six times, one service at a time or all."""  # noqa: E501
    ended = 0
    for _ in range(6):
        await run.pause(0.3, 1.5)
        names = run.dice.choice([*((name,) for name in SERVICES), SERVICES])
        for name in names:
            async with run.operator(name) as connection:
                ended += await connection.fetchval(_END_BACKENDS, name)
    run.say(f"{ended} sessions ended, served after {await run.until_served(15):.1f} s")
    run.claim(not run.keeper.ended, f"processes ended: {run.keeper.restarts()}")


async def postgres_crashes(run: Run) -> None:
    """Immediate shutdown (SIGQUIT) under load, and start again, which recovers from the WAL."""
    await run.pause(0.5, 2)
    await run.ground.end("postgres", signal.SIGQUIT)
    await run.ground.begin("postgres")
    seconds = await run.until_served(10)
    run.say(f"served {seconds:.1f} s after Postgres, ended meanwhile: {run.keeper.restarts()}")
    await run.until_ready(20)


async def postgres_is_away(run: Run) -> None:
    """Fast shutdown (SIGINT), start again after 20 s (60 s)."""
    await run.pause(0.3, 1)
    await run.ground.end("postgres", signal.SIGINT)
    began = time.monotonic()
    await asyncio.sleep(run.lasts(20, 60))
    lines = run.calls(began + 0.5, until=time.monotonic() - 8)
    _honest(run, lines, during="while Postgres was away")
    run.claim(any(line.status == 503 for line in lines), "nothing was refused")
    await run.ground.begin("postgres")
    run.say(f"answers meanwhile: {summary(lines)}")
    run.say(f"served {await run.until_served(15):.1f} s after it came back")
    run.say(f"drained in {await run.until_drained(60):.1f} s; ended: {run.keeper.restarts()}")


async def postgres_disk_is_full(run: Run) -> None:
    """Postgres' data on a small tmpfs, filled up to the last 64 KiB under load for 8 s; Postgres is started again if that ended it, once there is room."""  # noqa: E501
    if os.geteuid() != 0:
        raise NotHereError("only root may mount a file system of a chosen size")
    await run.ground.end("postgres", signal.SIGINT)
    disk = await run.ground.move_to_small_disk("postgres", spare_mib=96)
    await run.ground.begin("postgres")
    await run.until_served(15)
    ballast = fill(disk, leave_kib=64)
    began = time.monotonic()
    await asyncio.sleep(8)
    lines = [line for line in run.calls(began) if line.kind != "look up user"]
    other = {line.status for line in lines} - {0, 200, 201, 204, 404, 409, 503, 507}
    run.claim(not other, f"answers other than 503: {sorted(other)}")
    run.claim(any(line.status in {503, 507} for line in lines), "no write was refused")
    run.say(f"answers meanwhile: {summary(lines)}")
    ballast.unlink()
    if run.ground.child("postgres").poll() is not None:
        await run.ground.begin("postgres")
        run.say("Postgres had ended itself")
    run.say(f"served {await run.until_served(30):.1f} s after there was room")
    await run.until_drained(60)


async def connections_run_out(run: Run) -> None:
    """Idle sessions take every slot of Postgres (200), then the services' own are terminated: they come back to a full house for 8 s."""  # noqa: E501
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(run.operator())
        for name in SERVICES:
            # Nobody comes back before the house is full.
            await operator.execute(f"alter role {name} connection limit 0")
            await operator.fetchval(_END_BACKENDS, name)
        taken = await _occupy(stack, run)
        for name in SERVICES:
            await operator.execute(f"alter role {name} connection limit -1")
        began = time.monotonic()
        await asyncio.sleep(8)
        lines = run.calls(began, until=time.monotonic() - 1)
        _honest(run, lines, during="without a free slot")
        slow = max((line.seconds for line in lines), default=0)
        run.claim(slow < 10, f"an answer took {slow:.1f} s")
        run.claim(any(line.status == 503 for line in lines), "nothing was refused")
        run.say(f"{taken} sessions idle, answers {summary(lines)}, slowest {slow:.1f} s")
    run.say(f"served {await run.until_served(15):.1f} s later")


async def _occupy(stack: AsyncExitStack, run: Run) -> int:
    """Take all slots that there are; return how many."""
    taken = 0
    while taken < 500:
        try:
            session = await asyncpg.connect(run.ground.servers.postgres, timeout=5)
        except (asyncpg.TooManyConnectionsError, OSError):
            return taken
        stack.push_async_callback(session.close)
        taken += 1
    return taken


async def one_directory_is_locked(run: Run) -> None:
    """An open transaction holds one directory's counter row for 12 s (30 s)."""
    locked = run.caller().client.directory
    async with run.session("ingest") as session, session.transaction():
        await session.fetch(
            "select from directory_sequences where directory_id = $1 for update", locked
        )
        began = time.monotonic()
        await asyncio.sleep(run.lasts(12, 30))
        lines = run.calls(began)
    others = [line for line in lines if line.directory != locked]
    refused = [line for line in others if not line.status or line.status >= 429]
    slowest = max(line.seconds for line in others)
    run.claim(not refused, f"{len(refused)} calls of other directories were not served")
    run.claim(slowest < 2, f"a call of another directory took {slowest:.1f} s")
    own = [line for line in lines if line.directory == locked and not line.is_done]
    run.claim(own, "the locked directory was not held up: the lock missed")
    run.say(f"locked: {summary(own)}; others: {summary(others)}, slowest {slowest:.2f} s")
    await run.until_served(15)


async def an_old_snapshot_is_held(run: Run) -> None:
    """An idle repeatable-read transaction in ingest's database for 20 s (10 min), so that no dead row of the outbox goes away."""  # noqa: E501
    oldest = 0.0
    async with run.session("ingest") as session, session.transaction(isolation="repeatable_read"):
        await session.fetchval("select count(*) from outbox")
        until = time.monotonic() + run.lasts(20, 600)
        async with run.session("ingest") as other:
            while time.monotonic() < until:
                oldest = max(oldest, float(await other.fetchval(_OLDEST)))
                await asyncio.sleep(0.5)
            dead = await other.fetchval(
                "select n_dead_tup from pg_stat_user_tables where relname = 'outbox'"
            )
    run.claim(oldest < 5, f"a record waited {oldest:.1f} s")
    run.say(f"oldest record waited {oldest:.2f} s at most, {dead} dead rows")


async def transactions_collide(run: Run) -> None:
    """Crossed locks: a session of ours holds a directory's counter (in roles: its position), waits until the service does, then asks for the row that the service has."""  # noqa: E501
    async with run.operator() as operator:
        before = await operator.fetchval(_DEADLOCKS)
    for number in range(2):
        await _cross_ingest(run, run.caller(number).client.directory)
        await _cross_roles(run, run.caller(number).client.directory)
    await asyncio.sleep(1.5)  # statistics come late
    async with run.operator() as operator:
        count = await operator.fetchval(_DEADLOCKS) - before
    run.claim(count > 0, "no deadlock came about")
    run.say(f"{count} deadlocks, served {await run.until_served(15):.1f} s later")
    run.say(f"drained in {await run.until_drained(30):.1f} s")


async def _cross_ingest(run: Run, directory: str) -> None:
    async with run.session("ingest") as session:
        try:
            async with session.transaction():
                await session.fetch(
                    "select from directory_sequences where directory_id = $1 for update", directory
                )
                await run.until(lambda: run.waiting("ingest"), 10, "ingest never waited")
                await session.execute("set local lock_timeout = '3s'")
                await session.fetch(
                    "select from users where directory_id = $1 for update", directory
                )
        except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
            return


async def _cross_roles(run: Run, directory: str) -> None:
    async with run.session("roles") as session:
        try:
            async with session.transaction():
                await session.fetch(
                    "select from directory_positions where directory_id = $1 for update", directory
                )
                await run.until(lambda: run.waiting("roles"), 10, "roles never waited")
                await session.execute("set local lock_timeout = '3s'")
                await session.fetch("select from consumer_positions for update")
        except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
            return


async def kafka_crashes(run: Run) -> None:
    """SIGKILL of the broker under load, and start again on the same logs."""
    await run.pause(0.5, 2)
    began = time.monotonic()
    await run.ground.end("kafka", signal.SIGKILL)
    await run.pause(0.5, 3)
    await run.ground.begin("kafka")
    run.say(f"broker back, drained in {await run.until_drained(30):.1f} s")
    _only_done(run, began, "while the broker was killed")
    await run.until_ready()


def _only_done(run: Run, began: float, during: str) -> None:
    """Claim that SCIM went on as if nothing was."""
    refused = [line for line in run.calls(began) if not line.status or line.status >= 429]
    run.claim(not refused, f"SCIM was not served {during}: {summary(refused)}")


async def kafka_is_away(run: Run) -> None:
    """The broker is stopped (SIGTERM) for 20 s (5 min)."""
    await run.ground.end("kafka", signal.SIGTERM)
    began = time.monotonic()
    await asyncio.sleep(run.lasts(20, 300))
    async with run.session("ingest") as session:
        waiting = await session.fetchval("select count(*) from outbox")
    _only_done(run, began, "while Kafka was away")
    run.claim(waiting > 20, f"only {waiting} events wait in the outbox")
    run.say(f"answers: {summary(run.calls(began))}; {waiting} events waited")
    await run.ground.begin("kafka")
    run.say(f"drained in {await run.until_drained(60):.1f} s; ended: {run.keeper.restarts()}")
    await run.until_ready()


async def brokers_go_one_by_one(run: Run) -> None:
    """Three brokers: who leads a directory's partition is killed (SIGKILL) and started again; then each in turn is stopped (SIGTERM) and started again, under load."""  # noqa: E501
    brokers = Brokers(run.ground.supervisor, run.ground.servers.kafka)
    lane = lane_of(DirectoryId(run.caller().client.directory))
    place, began = (DIRECTORY_EVENTS.name, lane), time.monotonic()
    victim = await brokers.leader(place)
    brokers.kill(victim)
    led = await brokers.moved(place, away_from=victim)
    run.say(f"{led} leads for {victim}, drained in {await run.until_drained(40):.1f} s")
    await brokers.start(victim)
    order = [1, 2, 3]
    run.dice.shuffle(order)
    for number in order:
        await run.pause(0.5, 1.5)
        await brokers.stop(number)
        run.say(f"without {number} drained in {await run.until_drained(40):.1f} s")
        await brokers.start(number)
    _only_done(run, began, "while brokers went")
    await run.until_ready()


async def kafka_disk_is_full(run: Run) -> None:
    """Kafka's logs on a small tmpfs, filled up to the last 16 KiB under load for 10 s; then there is room again and the broker, which ends itself then, is started."""  # noqa: E501
    if os.geteuid() != 0:
        raise NotHereError("only root may mount a file system of a chosen size")
    await run.ground.end("kafka", signal.SIGTERM)
    disk = await run.ground.move_to_small_disk("kafka", spare_mib=192)
    await run.ground.begin("kafka")
    await run.until_drained(60)
    ballast = fill(disk, leave_kib=16)
    began = time.monotonic()
    await asyncio.sleep(10)
    async with run.session("ingest") as session:
        age = float(await session.fetchval(_OLDEST))
    shown = 0.0
    for lane in range(LANES):
        name = f'rollcall_outbox_oldest_seconds{{lane="{lane}"}}'
        shown = max(shown, await run.rig.services["ingest"].metric(name))
    _only_done(run, began, "while Kafka's disk was full")
    run.claim(age > 1, "the disk never was full: everything was published")
    run.claim(shown > 0, "no metric tells that events wait")
    run.say(f"answers: {summary(run.calls(began))}; the oldest event waits {age:.1f} s, "
            f"the metric says {shown:.1f}")  # fmt: skip
    ballast.unlink()
    if run.ground.child("kafka").poll() is None:
        await run.ground.end("kafka", signal.SIGKILL)
    else:
        run.say("the broker had ended itself")
    await run.ground.begin("kafka")
    run.say(f"drained in {await run.until_drained(60):.1f} s")
    await run.until_ready()


async def partitions_are_added(run: Run) -> None:
    """`directory.events.v1` gets three partitions more under load, and new directories after that."""  # noqa: E501
    admin = AIOKafkaAdminClient(bootstrap_servers=run.ground.servers.kafka)
    await admin.start()
    try:
        await admin.create_partitions({DIRECTORY_EVENTS.name: NewPartitions(LANES + 3)})
    finally:
        await admin.close()
    await run.pause(2, 4)
    made = [await run.rig.directory() for _ in range(3)]
    for client in made:
        await client.user("ada")
    await run.until_drained(40)
    lanes = Counter()
    async with run.session("ingest") as session:
        rows = await session.fetch("select lane, count(*) from directory_sequences group by lane")
    lanes.update({row["lane"]: row["count"] for row in rows})
    run.claim(max(lanes) < LANES, "a directory got a lane that is not there for all")
    run.say(f"{len(made)} new directories; lanes in use {sorted(lanes)}")
