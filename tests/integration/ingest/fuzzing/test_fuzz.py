"""Whatever arrives: an answer in SCIM's form, never a 5xx, and nothing stored of what is refused.

A few hundred requests from a fixed seed; `make fuzz` (long.py) sends other ones for longer.
"""

import asyncio

import pytest

from tests.integration.ingest.fuzzing.strategies import STRATEGIES
from tests.integration.ingest.fuzzing.target import Target, attack


@pytest.mark.parametrize("name", STRATEGIES)
async def test_whatever_arrives_is_answered_in_form(target: Target, name: str) -> None:
    await asyncio.to_thread(attack, target, STRATEGIES[name], seed=0)


async def test_a_fault_is_seen(target: Target) -> None:
    """The judge itself: what ingest answers to others, or keeps silent about, is a fault."""
    good = b"GET /scim/v2/@DIRECTORY@/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer @TOKEN@"

    assert await asyncio.to_thread(target.faults, good + b"\r\n\r\n") == []
    assert await asyncio.to_thread(target.faults, good[:-7] + b"\r\n\r\n") == []
    target.state = b"another"
    assert await asyncio.to_thread(target.faults, good[:-7] + b"\r\n\r\n") != []
