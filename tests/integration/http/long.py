"""`make fuzz SEED=… MINUTES=…`: the attacks of `test_promises`, each API for its share of the time.

Not collected with the other tests. What is found here becomes a test of its own.
"""

import os
import random
from pathlib import Path

import pytest

from tests.integration.http import attack
from tests.integration.http.site import Site

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1, 2**31))
MINUTES = float(os.environ.get("MINUTES") or 5)


@pytest.mark.skipif(bool(os.environ.get("REPLAY")), reason="one request is sent again, elsewhere")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", attack.APIS)
async def test_fuzz(site: Site, name: str, tmp_path: Path) -> None:
    within_s = max(int(MINUTES * 60 / len(attack.APIS)), 1)
    print(f"\nSEED={SEED}, {name}: {within_s} s", flush=True)  # noqa: T201  # who waits wants to see

    outcome = await attack.run(
        site, name, tmp_path, f"--seed={SEED}", f"--max-time={within_s}", "--continue-on-failure"
    )

    print(f"{outcome.passed} answers as promised", flush=True)  # noqa: T201
    assert outcome.code == 0, outcome.report
