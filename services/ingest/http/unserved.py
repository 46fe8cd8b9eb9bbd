"""Endpoints of RFC 7644 that this service knows and does not offer: 501, whatever the method."""

from aiohttp import web

from services.ingest.scim.errors import Unsupported
from shared import web as edge

# A token stands for a provider, which is nobody's account (§3.11).
_FEATURES = {"/Me": "/Me"}


def routes() -> list[tuple[str, str, edge.Handler]]:
    """Return method, path and handler of all routes."""
    return [("*", path, _refusal(feature)) for path, feature in _FEATURES.items()]


def _refusal(feature: str) -> edge.Handler:
    async def refuse(_request: web.Request) -> web.Response:
        raise Unsupported(feature)

    return refuse
