"""What the documents of the APIs promise is what the running services do, asked by schemathesis."""

import json
from pathlib import Path

import pytest

from services.__main__ import SERVICES
from tests.contract.http import FOLDER
from tests.integration.http import attack
from tests.integration.http.site import Site
from tests.integration.ingest.client import API_KEY

# Seconds on an idle machine; the requests are some 3,000.
pytestmark = pytest.mark.timeout(300)
SEED = "--seed=7"
HOW_MUCH = {
    # What coverage asks of SCIM is 3,000 requests; its own fuzzer asks more of it in other tests.
    "scim": ("--phases=examples,fuzzing", "--max-examples=6"),
}
USUALLY = ("--phases=coverage,fuzzing", "--max-examples=6")


@pytest.mark.parametrize("name", attack.APIS)
async def test_every_answer_is_one_that_the_document_promises(
    site: Site, name: str, tmp_path: Path
) -> None:
    outcome = await attack.run(site, name, tmp_path, SEED, *HOW_MUCH.get(name, USUALLY))

    assert outcome.code == 0, outcome.report
    assert outcome.passed > 50, outcome.report


@pytest.mark.parametrize("name", SERVICES)
async def test_each_service_serves_its_document_and_nothing_beside(site: Site, name: str) -> None:
    url, http = site.services[name].url, site.client.session
    headers = {"Authorization": f"Bearer {API_KEY}"}

    async with http.get(f"{url}/v1/openapi.json", headers=headers) as answer:
        served = await answer.json()
    async with http.get(f"{url}/v1/nowhere", headers=headers) as answer:
        refused = answer.status, answer.content_type, (await answer.json())["detail"]
    async with http.get(f"{url}/v1/nowhere") as answer:
        stranger = answer.status, answer.content_type

    assert served == json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert refused[:2] == (404, "application/problem+json")
    assert "GET /v1/openapi.json lists what there is" in refused[2]
    assert stranger == (401, "application/problem+json")
