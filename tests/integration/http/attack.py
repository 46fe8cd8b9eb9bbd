"""schemathesis, as its users call it: requests made from a document, sent to a running service."""

import asyncio
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.contract.http import FOLDER
from tests.integration.http.site import Site
from tests.integration.ingest.client import API_KEY

APIS = ("ingest", "roles", "projector", "portal", "scim")
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
_SENT = re.compile(r"(\d+) generated, (\d+) passed")
_NAMED, _MENTIONED = 0.8, 0.3
"""How often a parameter names something that is there, and how often any text does."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many requests were answered as promised; `report` says which were not."""

    code: int
    passed: int
    report: str


async def run(site: Site, name: str, folder: Path, *arguments: str) -> Outcome:
    """Attack one API; the arguments say how much, and with which seed."""
    config = folder / f"{name}.toml"
    config.write_text(_config(site.known(name)), encoding="utf-8")
    service = site.services["ingest" if name == "scim" else name]
    base, token = ("/scim/v2", site.client.token) if name == "scim" else ("/v1", API_KEY)
    program = Path(sys.executable).with_name("schemathesis")
    child = await asyncio.create_subprocess_exec(
        program,
        f"--config-file={config}",
        "run",
        str(FOLDER / f"{name}.json"),
        f"--url={service.url}{base}",
        f"--header=Authorization: Bearer {token}",
        f"--checks={','.join(_CHECKS)}",
        "--generation-database=none",
        # The one 5xx that says what is so: this is not offered (RFC 7644 section 3.11).
        "--exclude-path=/{directory}/Me",
        "--warnings=off",
        "--no-color",
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await child.communicate()
    report = output.decode()
    told = _SENT.search(report)
    return Outcome(child.returncode or 0, int(told[2]) if told else 0, report)


def _config(known: Mapping[str, list[str]]) -> str:
    every = sorted({value for values in known.values() for value in values})
    lists = [
        f"[dictionaries.{name}]\nvalues = {json.dumps(values)}"
        for name, values in {**known, "known": every}.items()
    ]
    parameters = [f'{name} = {{ dictionary = "{name}", probability = {_NAMED} }}' for name in known]
    texts = f'string = {{ dictionary = "known", probability = {_MENTIONED} }}'
    return "\n".join([*lists, "[parameters]", *parameters, "[generation.dictionaries]", texts])
