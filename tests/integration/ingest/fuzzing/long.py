"""`make fuzz SEED=… MINUTES=…`: the strategies with other seeds, for as long as it is told.

`make fuzz REPLAY=…` sends a single request again. Not collected with the other tests, which send a
few hundred requests of a fixed seed; what is found here becomes a test of its own there.
"""

import ast
import asyncio
import os
import random
import time

import pytest

from tests.integration.ingest.fuzzing.strategies import STRATEGIES
from tests.integration.ingest.fuzzing.target import Target, attack

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1, 2**31))
MINUTES = float(os.environ.get("MINUTES") or 5)
REPLAY = os.environ.get("REPLAY", "")
EXAMPLES_A_ROUND = 300


@pytest.mark.timeout(0)
async def test_fuzz(target: Target) -> None:
    if REPLAY:
        assert await asyncio.to_thread(target.faults, ast.literal_eval(REPLAY)) == []
    else:
        await asyncio.to_thread(attack_for_minutes, target)


def attack_for_minutes(target: Target) -> None:
    until, sent, seed = time.monotonic() + MINUTES * 60, 0, SEED
    print(f"\nSEED={SEED} MINUTES={MINUTES:g}", flush=True)  # noqa: T201  # who waits wants to see
    while time.monotonic() < until:
        for name, requests in STRATEGIES.items():
            attack(target, requests, seed, EXAMPLES_A_ROUND)
            sent += EXAMPLES_A_ROUND
            print(f"seed {seed}, {name}: {sent} requests", flush=True)  # noqa: T201
        seed += 1
