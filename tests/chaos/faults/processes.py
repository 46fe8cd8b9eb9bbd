"""Processes that are killed, put to sleep, crowded, skewed, starved, or of two versions."""

import asyncio
import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from cli.simulate.onelogin import Request
from cli.verify.run import SERVICES
from tests.chaos.run import Run, summary

_LEASE_S = 5
_SKEWED = Path(__file__).parent / "skewed"
_FAKETIME = ("usr/lib/*/faketime/libfaketimeMT.so.1", "usr/lib64/faketime/libfaketimeMT.so.1")


async def ingest_is_killed(run: Run) -> None:
    """SIGKILL of ingest under load, three times, at moments that the seed decides."""
    for _ in range(3):
        await run.pause(0.5, 2.5)
        await run.kill("ingest")
        seconds = await run.until_served(30)
        run.say(f"served again after {seconds:.1f} s")


async def relay_is_killed_after_the_ack(run: Run) -> None:
    """A lock on `relay_positions` holds the relay between acknowledgement and deletion; SIGKILL there, its backend is ended."""  # noqa: E501
    before = await _repeats(run)
    for _ in range(2):
        await run.pause(0.3, 1.5)
        async with run.session("ingest") as session, session.transaction():
            await session.execute("lock table relay_positions in share mode")
            await run.kill_where_it_waits("ingest", "ingest")
        await run.until_served(30)
    await run.until_drained(60)
    repeats = await _repeats(run) - before
    run.claim(repeats > 0, "nothing was published twice: the kill missed its moment")
    run.say(f"{repeats} records published twice, dropped by the gate")


async def _repeats(run: Run) -> int:
    """Return how many records of the log are there more than once."""
    total = 0
    for caller in run.load.callers.values():
        values = [record.value for record in await run.rig.records(caller.client)]
        total += len(values) - len(set(values))
    return total


async def relay_is_killed_in_the_middle_of_sending(run: Run) -> None:
    """The link to Kafka lets some kilobytes pass, then freezes; SIGKILL of ingest while the rest of its batches is on its way."""  # noqa: E501
    for _ in range(3):
        with run.ground.kafka_paused():
            await run.pause(1, 2)  # a backlog of several lanes
        run.links.kafka.spent.clear()
        run.links.kafka.budget = run.dice.randrange(500, 20_000)
        async with asyncio.timeout(20):
            await run.links.kafka.spent.wait()
        await run.kill("ingest")
        run.links.kafka.heal()
        await run.until_served(30)
    run.say(f"drained in {await run.until_drained(60):.1f} s")


async def consumers_are_killed_around_a_commit(run: Run) -> None:
    """SIGKILL of roles and the projector: before the commit, where a lock holds them in the middle of a batch, and after it, when their proxy saw COMMIT pass."""  # noqa: E501
    names = ["roles", "projector"]
    run.dice.shuffle(names)
    for name in names:
        async with run.session(name) as session, session.transaction():
            await session.execute("lock table users in share mode")
            await run.kill_where_it_waits(name, name)
        await run.until_ready()
        await run.pause(1, 2)
        await _kill_on_commit(run, name)
        await run.until_ready()
    run.say(f"4 kills, applied again {await run.until_drained(60):.1f} s after the last")


async def _kill_on_commit(run: Run, name: str) -> None:
    passed = asyncio.Event()

    def kill() -> bool:
        passed.set()
        service = run.rig.services[name]
        if service.child and service.child.returncode is None:
            service.child.kill()
        run.links.postgres[name].watched = None
        return True

    run.links.postgres[name].watched = (b"COMMIT;", kill)
    try:
        async with asyncio.timeout(40):
            await passed.wait()
    except TimeoutError:
        run.claim(holds=False, words=f"{name} committed nothing for 40 s")


async def relay_sleeps_past_its_lease(run: Run) -> None:
    """SIGSTOP of ingest with a batch in hand (Kafka paused), a second ingest takes lanes and requests over, SIGCONT after the lease and half as long again."""  # noqa: E501
    async with run.helpers(("ingest", "standby")) as [standby]:
        await asyncio.sleep(2)  # both have lanes
        with run.ground.kafka_paused():
            await run.pause(0.5, 1)
            run.signal("ingest", signal.SIGSTOP)
        with _upstream(run, standby.url):
            seconds = await run.until_served(20)
            await asyncio.sleep(_LEASE_S * 1.5)
            drained = await run.until_drained(20)
            run.signal("ingest", signal.SIGCONT)
            await run.pause(1, 2)
        run.say(f"served by the other after {seconds:.1f} s, drained in {drained:.1f} s")


@contextlib.contextmanager
def _upstream(run: Run, url: str) -> Iterator[None]:
    """Lead clients to another ingest."""
    usual = run.links.http.upstream
    run.links.http.upstream = int(url.rpartition(":")[2])
    run.links.http.cut()
    try:
        yield
    finally:
        run.links.http.upstream = usual
        run.links.http.cut()


async def consumers_sleep_past_their_session(run: Run) -> None:
    """SIGSTOP of roles, then of the projector, in the middle of a batch (a lock holds them there) while a second member runs; SIGCONT once the other served."""  # noqa: E501
    async with run.helpers(("roles", "roles-2"), ("projector", "projector-2")):
        await asyncio.sleep(2)
        for name in ("roles", "projector"):
            async with run.session(name) as session, session.transaction():
                await session.execute("lock table users in share mode")
                await run.until(lambda name=name: run.waiting(name), 20, f"{name} never waited")
                run.signal(name, signal.SIGSTOP)
            began = time.monotonic()
            await run.until_drained(25)
            run.say(f"{name} served by the other after {time.monotonic() - began:.1f} s")
            run.signal(name, signal.SIGCONT)
            await run.pause(1, 2)


async def members_come_and_go(run: Run) -> None:
    """Every second a member more or one fewer, killed half of the time: of roles, the projector and ingest, whose relays share leases; 20 s (60 s)."""  # noqa: E501
    count, until = 0, time.monotonic() + run.lasts(20, 60)
    extra: list[str] = []
    watch = asyncio.create_task(_progress(run, until))
    while time.monotonic() < until:
        if len(extra) < 2:
            count += 1
            name = run.dice.choice(SERVICES)
            extra.append(f"{name}-{count}")
            await run.rig.another(name, extra[-1]).spawn()
        else:
            name = extra.pop(run.dice.randrange(len(extra)))
            service = run.rig.services.pop(name)
            if service.child and service.child.returncode is None:
                run.dice.choice((service.child.kill, service.child.terminate))()
        await run.pause(0.7, 1.3)
    await run.dismiss(*extra)
    slowest = await watch
    run.claim(slowest <= 15, f"no progress for {slowest:.1f} s")
    run.say(f"{count} members came, slowest stretch without progress {slowest:.1f} s")


async def _progress(run: Run, until: float) -> float:
    """Return the longest time in which a consumer applied nothing."""
    last = {name: (0, time.monotonic()) for name in ("roles", "projector")}
    slowest = 0.0
    while time.monotonic() < until:
        for name, (count, at) in last.items():
            now = await run.applied(name)
            if now > count:
                last[name] = (now, time.monotonic())
            slowest = max(slowest, time.monotonic() - at)
        await asyncio.sleep(0.2)
    return slowest


async def clocks_are_wrong(run: Run) -> None:
    """One process each with a clock an hour ahead (ingest), an hour behind (roles), and one that jumps back by two hours at half time (a second ingest, which gets the requests)."""  # noqa: E501
    skew = _Skew(run.ground.folder / "clock")
    for name, seconds in (("ingest", 3600), ("roles", -3600)):
        run.rig.services[name].environment.update(skew.by(seconds))
        await run.kill(name)
    made = run.rig.another("ingest", "standby", **skew.jumping(3600))
    try:
        await made.start()
        await run.until_ready()
        with _upstream(run, made.url):
            await run.until_served(20)
            await run.pause(2, 3)
            skew.jump(-3600)
            await run.pause(3, 4)
            await run.until_served(20)
        run.say(f"{skew.how}; drained in {await run.until_drained(30):.1f} s")
    finally:
        await run.dismiss("standby")
        for name in ("ingest", "roles"):
            for variable in skew.by(0):
                run.rig.services[name].environment.pop(variable)
            await run.kill(name)
        await run.until_ready()


class _Skew:
    """Environments with wrong clocks: by libfaketime, else for Python's own clock alone."""

    def __init__(self, file: Path) -> None:
        self._file = file
        found = [each for pattern in _FAKETIME for each in Path("/").glob(pattern)]
        self._library = str(found[0]) if found else ""
        self.how = "libfaketime" if found else "Python's own clock (no libfaketime here)"

    def by(self, seconds: int) -> dict[str, str]:
        """Return variables for a clock that is off by so much."""
        if not self._library:
            return {"PYTHONPATH": str(_SKEWED), "SKEW_S": str(seconds)}
        return self._base() | {"FAKETIME": f"{seconds:+}"}

    def jumping(self, seconds: int) -> dict[str, str]:
        """Return variables for a clock that `jump` sets anew."""
        self.jump(seconds)
        if not self._library:
            return {"PYTHONPATH": str(_SKEWED), "SKEW_FILE": str(self._file)}
        return self._base() | {
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
        }

    def _base(self) -> dict[str, str]:
        return {"LD_PRELOAD": self._library, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def jump(self, seconds: int) -> None:
        """Set the clock of the process that may jump."""
        self._file.write_text(f"{seconds:+}\n", "ascii")


async def two_versions_run_together(run: Run) -> None:
    """A second ingest of a version to come tells an event type and fields that nobody knows yet; roles and projector of the old and a copied tree share the partitions."""  # noqa: E501
    tree = run.rig.copied_tree("newer")
    file = tree / "services/ingest/domain/changes.py"
    text = file.read_text("utf-8")
    old = "    return [_event(_kind(before, after), after, cause, sorted(previous), assigned)]\n"
    run.claim(text.count(old) == 1, "the change of the newer version does not apply")
    file.write_text(text.replace(old, _NEWER), "utf-8")
    made = [run.rig.another(service, f"{service}-new", tree=str(tree)) for service in SERVICES]
    try:
        for service in made:
            await service.start()
        with _upstream(run, made[0].url):
            await run.until_served(20)
            await run.pause(4, 6)
        await run.until_drained(40)
        counts = []
        for name in ("roles", "projector"):
            found = 0.0
            for one in (name, f"{name}-new"):
                label = 'topic="directory.events.v1",verdict="unknown"'
                found += await run.rig.services[one].metric(
                    f"rollcall_consumer_events_total{{{label}}}"
                )
            counts.append(f"{name} {found:.0f}")
            run.claim(found, f"{name} skipped and counted no event of the new type")
        run.say(f"unknown events skipped: {', '.join(counts)}")
    finally:
        await run.dismiss(*(f"{service}-new" for service in SERVICES))


_NEWER = """\
    told = _event(_kind(before, after), after, cause, sorted(previous), assigned)
    return [told, _Hummed(**told.model_dump(), tune="la")]


class _Hummed(UserUpdated):
    type = "rollcall.user.hummed.v1"
    tune: str

    @property
    def subject(self) -> str:
        return f"hums/{self.resource['id']}"
"""


async def memory_and_processor_are_short(run: Run) -> None:
    """All services share one core with two burners for 12 s (30 s); ingest may grow by 16 MiB only, and gets users of 800 kB, eight at a time, in one more directory."""  # noqa: E501
    cores = os.sched_getaffinity(0)
    pids = {name: one.child.pid for name, one in run.rig.services.items() if one.child}
    one_core = {min(cores)}
    size = _size_of(pids["ingest"]) + 16 * 2**20
    resource.prlimit(pids["ingest"], resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
    began = time.monotonic()
    async with _burners(2, one_core):
        for pid in pids.values():
            _pin(pid, one_core)
        large = await _large_users(run, time.monotonic() + run.lasts(12, 30))
    for service in run.rig.services.values():
        if service.child and service.child.returncode is None:
            _pin(service.child.pid, cores)
    if run.rig.services["ingest"].child:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(run.rig.services["ingest"].child.pid, resource.RLIMIT_AS,
                             (resource.RLIM_INFINITY, resource.RLIM_INFINITY))  # fmt: skip
    lines = run.calls(began)
    mine = [line for line in lines if line.directory != large]
    run.say(f"answers: {summary(mine)}; to large users: "
            f"{summary([line for line in lines if line.directory == large])}; "
            f"ended: {run.keeper.restarts()}")  # fmt: skip
    run.claim(any(line.is_done for line in mine), "nothing was served meanwhile")
    run.say(f"served after {await run.until_served(20):.1f} s")
    run.say(f"drained in {await run.until_drained(40):.1f} s")


async def _large_users(run: Run, until: float) -> str:
    """Send large users, whatever is answered; return their directory."""
    caller = await run.directory(per_s=1000, burst=1000)

    async def send(number: int) -> None:
        sent = 0
        while time.monotonic() < until:
            name = f"large{number}-{sent}"
            body = orjson.dumps({"userName": name, "x": "x" * 800_000})
            request = Request("large user", "POST", "/Users", body)
            reply = await caller.call(request, [f"users/name={name}"])
            # 4xx would be final for the provider, and the user would stay unmade.
            is_blamed = 400 <= reply.status < 500
            run.claim(not is_blamed, f"no memory was answered {reply.status}: {reply.body}")
            sent += 1
            await asyncio.sleep(1)

    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(send(number))
    return caller.client.directory


def _size_of(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()


def _pin(pid: int, cores: set[int]) -> None:
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), cores)


@asynccontextmanager
async def _burners(count: int, cores: set[int]) -> AsyncIterator[None]:
    children = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
        for _ in range(count)
    ]
    try:
        for child in children:
            _pin(child.pid, cores)
        yield
    finally:
        for child in children:
            child.kill()
            await child.wait()
