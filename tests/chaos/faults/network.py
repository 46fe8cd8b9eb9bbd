"""The network: answers that get lost, connections that die without a word, slowness."""

import asyncio
import random
import time

from tests.chaos.proxy import Proxy, Slowness
from tests.chaos.run import Run, summary


async def commits_lose_their_answer(run: Run) -> None:
    """The proxies of ingest, roles and projector pass COMMIT on and end the connection before its answer, every third time for 10 s; ingest's loses all answers for half a second too, for writes of one statement."""  # noqa: E501
    counts: dict[str, int] = {}
    dice = random.Random(run.dice.random())  # noqa: S311

    def watch(name: str) -> None:
        def lost() -> bool:
            if dice.random() < 2 / 3:
                return False
            counts[name] = counts.get(name, 0) + 1
            return True

        run.links.postgres[name].watched = (b"COMMIT;", lost)

    began = time.monotonic()
    for name in run.links.postgres:
        watch(name)
    for _ in range(4):
        await run.pause(1, 2)
        run.links.postgres["ingest"].loses_replies = True
        await asyncio.sleep(0.5)
        run.links.postgres["ingest"].loses_replies = False
        counts["single statements"] = counts.get("single statements", 0) + (
            run.links.postgres["ingest"].cut()
        )
    await run.pause(2, 3)
    for proxy in run.links.postgres.values():
        proxy.heal()
    lines = run.calls(began)
    run.claim(len(counts) == len(run.links.postgres) + 1, f"only {counts} lost answers")
    run.claim(any(not line.is_done for line in lines), "no client noticed")
    run.say(f"answers lost: {counts}; clients got {summary(lines)}")
    run.say(f"served {await run.until_served(30):.1f} s later")
    await run.until_drained(40)


async def links_are_cut(run: Run) -> None:
    """Each link in turn: every connection is cut (reset), a moment later all are half-open: alive for both ends while nothing passes; new ones work."""  # noqa: E501
    links = run.links.all
    run.dice.shuffle(links)
    for link in links:
        link.cut()
        await run.pause(0.3, 1)
        frozen = link.freeze()
        served = await run.until_served(30)
        drained = await run.until_drained(30)
        link.thaw()
        run.say(f"{link.name}: {frozen} frozen, served after {served:.1f} s, "
                f"drained after {drained:.1f} s")  # fmt: skip
        await run.until_ready()
    run.say(f"ended meanwhile: {run.keeper.restarts()}")


async def links_are_slow(run: Run) -> None:
    """All links wait 200 ms with each chunk, and 5 % of them 2 s more, for 15 s (60 s)."""
    began = time.monotonic()
    await run.pause(3, 3)
    usual = _rate(run, began)
    for link in run.links.all:
        dice = random.Random(run.dice.random())  # noqa: S311
        link.slowness = Slowness(dice, delay_s=0.2, stall_share=0.05, stall_s=2)
    began = time.monotonic()
    await asyncio.sleep(run.lasts(15, 60))
    slow = _rate(run, began)
    lines = run.calls(began)
    for link in run.links.all:
        link.slowness = None
    run.claim(any(line.is_done for line in lines), "nothing was done any more")
    run.claim(slow < usual, f"{slow:.0f} changes a second instead of {usual:.0f}")
    run.say(f"{slow:.0f} calls done a second instead of {usual:.0f}; {summary(lines)}")
    await run.until_served(20)
    run.say(f"drained in {await run.until_drained(40):.1f} s")


def _rate(run: Run, began: float) -> float:
    done = [line for line in run.calls(began) if line.is_done]
    return len(done) / (time.monotonic() - began)


async def acks_get_lost(run: Run) -> None:
    """What services send to Kafka arrives, what it answers does not, for 3 s; then the connections end; three times."""  # noqa: E501
    link: Proxy = run.links.kafka
    began = time.monotonic()
    for _ in range(3):
        await run.pause(0.5, 1.5)
        link.loses_replies = True
        await asyncio.sleep(3)
        link.loses_replies = False
        link.cut()
    run.say(f"drained in {await run.until_drained(60):.1f} s")
    refused = [line for line in run.calls(began) if not line.status or line.status >= 429]
    run.claim(not refused, f"SCIM was not served meanwhile: {summary(refused)}")
    await run.until_ready()
