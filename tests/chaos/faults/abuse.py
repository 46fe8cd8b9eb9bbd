"""Clients that send too much, too slowly, too deep, or all at once; normal ones must not notice."""

import asyncio
import statistics
import time
from collections import Counter
from contextlib import AsyncExitStack
from urllib.parse import quote, urlsplit

import orjson

from cli.simulate.onelogin import Request
from tests.chaos.journal import Line
from tests.chaos.run import Run, summary
from tests.chaos.traffic import Caller
from tests.support.raw_http import request as raw_request

_PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def _usual(lines: list[Line]) -> tuple[float, float]:
    """Return the median and the 99th percentile of the seconds of calls."""
    found = sorted(line.seconds for line in lines) or [0.0]
    return statistics.median(found), found[int(len(found) * 0.99)]


def _untouched(run: Run, began: float, during: str) -> None:
    """Claim that normal clients were served all the while, without long waits."""
    lines = run.calls(began)
    refused = [line for line in lines if not line.status or line.status >= 429]
    middle, slow = _usual(lines)
    run.claim(not refused, f"normal clients were not served {during}: {summary(refused)}")
    run.claim(slow < 3, f"normal clients waited {slow:.1f} s {during}")
    run.say(f"normal clients: {len(lines)} calls, p50 {middle * 1000:.0f} ms, "
            f"p99 {slow * 1000:.0f} ms")  # fmt: skip


async def payloads_are_too_large(run: Run) -> None:
    """A user of 2 MiB, a PATCH of 100,000 members, and users of almost an event's size, all in directories under load."""  # noqa: E501
    began, caller = time.monotonic(), run.caller()
    group = run.load.groups[caller.client.directory][0]
    huge = orjson.dumps({"userName": "huge", "title": "x" * 2 * 2**20})
    members = [{"value": f"{number:032x}"} for number in range(100_000)]
    operation = {"op": "add", "path": "members", "value": members}
    patch = orjson.dumps({"schemas": [_PATCH_OP], "Operations": [operation]})
    large = [
        orjson.dumps({"userName": f"large{number}", "x": "x" * 800_000}) for number in range(4)
    ]
    for number in range(2):
        user = await caller.call(Request("huge user", "POST", "/Users", huge))
        many = await caller.call(Request("huge patch", "PATCH", f"/Groups/{group}", patch))
        run.claim((user.status, many.status) == (413, 413),
                  f"answered {user.status} and {many.status} instead of 413")  # fmt: skip
        for body in large[number * 2 : number * 2 + 2]:
            name = f"users/name=large{large.index(body)}"
            made = await caller.call(Request("large user", "POST", "/Users", body), [name])
            run.claim(made.status == 201, f"a user of 800 kB was answered {made.status}")
    run.say(f"413 for both; 4 users of 800 kB drained in {await run.until_drained(30):.1f} s")
    _untouched(run, began, "beside large ones")


async def clients_are_slow(run: Run) -> None:
    """500 connections that drip a header, 100 that drip a body, 50 that ask for much and read nothing, all of one more directory, for 12 s (40 s)."""  # noqa: E501
    caller = await run.directory(per_s=50, burst=200)
    address = urlsplit(run.rig.services["ingest"].url)
    path = f"/scim/v2/{caller.client.directory}"
    token = f"Bearer {caller.client.token}"
    head = f"GET {path}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n".encode()
    body = raw_request("POST", f"{path}/Users", b"{", Authorization=token, Content_Length="99999")
    whole = raw_request("GET", f"{path}/Schemas", Authorization=token) * 200
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        for count, first in ((500, head), (100, body), (50, whole)):
            for _ in range(count):
                _, writer = await asyncio.open_connection(address.hostname, address.port)
                stack.callback(writer.close)
                writer.write(first)
                if first is not whole:
                    stack.enter_context(_dripping(writer))
        await asyncio.sleep(run.lasts(12, 40))
        _untouched(run, began, "beside slow ones")


class _dripping:  # noqa: N801  # reads as a verb where it is used
    """Sends a byte a second on a connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._drip())

    async def _drip(self) -> None:
        while not self._writer.is_closing():
            self._writer.write(b"x")
            await asyncio.sleep(1)

    def __exit__(self, *_error: object) -> None:
        if self._task:
            self._task.cancel()


_DEEP = b'{"userName": "deep", "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
_FILTERS = {
    "a filter of 1 MiB": 'userName eq "' + "x" * 2**20 + '"',
    "a filter of 6 KiB": 'userName eq "' + "x" * 6_000 + '"',
    "a filter 1,000 deep": "(" * 1000 + "id pr" + ")" * 1000,
    "a filter of 300 terms": " or ".join(["id pr"] * 300),
}


async def bombs_are_sent(run: Run) -> None:
    """JSON 10,000 deep, a million values, filters of 1 MiB, of 300 terms and 1,000 deep, 20 times each under load; the matrix' 50 ms is measured, the claim is 1 s for the median on a machine that does much else."""  # noqa: E501
    began, caller = time.monotonic(), run.caller()
    wide = b'{"userName": "wide", "x": [' + b"1," * 500_000 + b"1]}"
    requests = {
        "JSON 10,000 deep": Request("bomb", "POST", "/Users", _DEEP),
        "half a million values": Request("bomb", "POST", "/Users", wide),
    } | {
        name: Request("bomb", "GET", f"/Users?filter={quote(text)}")
        for name, text in _FILTERS.items()
    }
    for name, request in requests.items():
        times, statuses = [], Counter()
        for _ in range(20):
            at = time.monotonic()
            reply = await caller.call(request)
            times.append(time.monotonic() - at)
            statuses[reply.status] += 1
            await asyncio.sleep(0.05)
        middle = statistics.median(times)
        # Who is still sending when a connection ends may not get to read why.
        late = {0} if name == "a filter of 1 MiB" else set()
        run.claim(
            set(statuses) - late <= {400, 413, 414, 431} and max(statuses),
            f"{name} was answered {dict(statuses)}",
        )
        run.claim(middle < 1, f"{name} took {middle:.2f} s")
        run.say(f"{name}: {max(statuses)} in {middle * 1000:.0f} ms")
    lines = [line for line in run.calls(began) if line.kind != "bomb"]
    refused = [line for line in lines if not line.status or line.status >= 500]
    run.claim(not refused, f"normal clients were not served: {summary(refused)}")


async def one_tenant_is_loud(run: Run) -> None:
    """A fourth directory with a limit of 5 a second gets 100 a second from 40 connections for 10 s (30 s)."""  # noqa: E501
    loud = await run.directory(per_s=5, burst=10)
    client, began = loud.client, time.monotonic()
    until = began + run.lasts(10, 30)

    async def shout(number: int) -> None:
        sent = 0
        while time.monotonic() < until:
            name = f"loud{number}-{sent}"
            body = orjson.dumps({"userName": name})
            await loud.call(Request("shout", "POST", "/Users", body), [f"users/name={name}"])
            sent += 1
            await asyncio.sleep(0.4)

    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(shout(number))
    lines = [line for line in run.calls(began) if line.directory == client.directory]
    counts = Counter(line.status for line in lines)
    run.claim(set(counts) <= {201, 429}, f"the loud one got {summary(lines)}")
    run.claim(counts[429] > counts[201], f"it was not held back: {summary(lines)}")
    silent = [line for line in lines if line.status == 429 and not line.says_when]
    run.claim(not silent, f"{len(silent)} answers 429 without Retry-After")
    run.say(f"the loud one: {summary(lines)}")
    _calm(run, began, client.directory)


def _calm(run: Run, began: float, loud: str) -> None:
    lines = [line for line in run.calls(began) if line.directory != loud]
    refused = [line for line in lines if not line.status or line.status >= 429]
    middle, slow = _usual(lines)
    run.claim(not refused, f"others were not served: {summary(refused)}")
    run.say(f"others: {len(lines)} calls, p50 {middle * 1000:.0f} ms, p99 {slow * 1000:.0f} ms")


async def many_edit_the_same(run: Run) -> None:
    """16 writers change one user and one group for 8 s (20 s): half with If-Match of the version that they read, half without."""  # noqa: E501
    caller = await run.directory(per_s=1000, burst=1000)
    made = await caller.call(
        Request("create user", "POST", "/Users", b'{"userName":"shared"}'), ["users/name=shared"]
    )
    group = await caller.call(
        Request("create group", "POST", "/Groups", b'{"displayName":"Shared"}'),
        ["groups/name=Shared"],
    )
    until = time.monotonic() + run.lasts(8, 20)
    writers = _Writers(caller, until)
    async with asyncio.TaskGroup() as tasks:
        for number in range(16):
            place = ("users", made.body["id"]) if number % 4 else ("groups", group.body["id"])
            tasks.create_task(writers.write(number, *place, careful=number % 2 == 0))
    for kind, key in (("users", made.body["id"]), ("groups", group.body["id"])):
        last = await caller.call(Request("read", "GET", f"/{kind.title()}/{key}"))
        version = int(last.body["meta"]["version"].strip('W/"'))
        done = writers.done[kind]
        run.claim(version == 1 + len(done), f"{kind}: version {version} after {len(done)} changes")
        run.claim(len(set(done)) == len(done), f"{kind}: a version was given out twice")
        run.say(f"{kind}: {len(done)} changes, version {version}, "
                f"{writers.stale[kind]} times 412")  # fmt: skip
    run.claim(sum(writers.stale.values()), "no If-Match was stale")
    run.claim(not writers.wrong, f"a stale If-Match was accepted: {writers.wrong[:1]}")


class _Writers:
    """Who writes the same resource, and what each was told."""

    def __init__(self, caller: Caller, until: float) -> None:
        self.caller, self.until = caller, until
        self.done: dict[str, list[int]] = {"users": [], "groups": []}
        self.stale: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def write(self, number: int, kind: str, key: str, *, careful: bool) -> None:
        place, sent = f"/{kind.title()}/{key}", 0
        name = "title" if kind == "users" else "displayName"
        while time.monotonic() < self.until:
            sent += 1
            read = await self.caller.call(Request("read", "GET", place))
            version = read.body.get("meta", {}).get("version", "")
            value = f"Shared {number}.{sent}"
            operation = {"op": "replace", "path": name, "value": value}
            body = orjson.dumps({"schemas": [_PATCH_OP], "Operations": [operation]})
            more = {"If-Match": version} if careful else {}
            request = Request("edit", "PATCH", f"{place}?attributes=meta", body)
            reply = await self.caller.call(request, [f"{kind}/{key}"], **more)
            self._note(kind, reply, version if careful else "")
            await asyncio.sleep(0.25)

    def _note(self, kind: str, reply, read: str) -> None:
        if reply.status == 412:
            self.stale[kind] += 1
        elif reply.is_done:
            found = int(reply.body["meta"]["version"].strip('W/"'))
            self.done[kind].append(found)
            if read and found != int(read.strip('W/"')) + 1:
                self.wrong.append(f"{read} became {found}")
