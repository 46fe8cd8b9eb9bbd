"""Write what the HTTP APIs promise as documents: `make generate`."""

from pathlib import Path
from typing import Any

from aiohttp import web

from services.ingest import app as ingest
from services.ingest.http import scim_openapi
from services.ingest.settings import Settings
from services.portal.http import links
from services.projector import app as projector
from services.roles import app as roles
from services.roles.consumer import consumer
from shared import api
from shared.keys import Keys
from tests.contract import promises, published

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "http"
KEY = "a-key-of-sixteen"


def applications(file: str = "") -> dict[str, web.Application]:
    """Return each `/v1` application as its service makes it, with nothing behind it.

    `file` has keys besides the operator's.
    """
    settings = Settings.model_construct(api_key=KEY, api_keys_file=file, token_pepper=KEY)
    keys = Keys.of(KEY, file)
    return {
        "ingest": ingest.management_api(None, settings, list),
        "roles": roles.api(consumer(None, "", list), keys),
        "projector": projector.api(None, "", keys),
        "portal": links.application(links.Links(None, None), keys, None),
    }


def documents() -> dict[str, dict[str, Any]]:
    """Return each document by the name of its file."""
    below_v1 = {f"{name}.json": app[api.DOCUMENT] for name, app in applications().items()}
    return {**below_v1, "scim.json": scim_openapi.document()}


def main() -> None:
    """Write them all, and keep what new operations promise."""
    published.write(FOLDER, documents())
    for name, app in applications().items():
        promises.add(name, app[api.DOCUMENT])


if __name__ == "__main__":
    main()
