"""The media type of an answer, also of an error: what the provider can read."""

from aiohttp import web

from services.ingest.http.auth import ACCESS

SCIM = "application/scim+json"
_PLAIN = "application/json"


def chosen(request: web.Request) -> str:
    """OneLogin's guide wants application/json on every answer; who asks for that alone gets it."""
    accept = request.headers.get("Accept", "").partition(";")[0].strip()
    if accept in {SCIM, _PLAIN}:
        return accept
    # Unknown while the token is not admitted.
    access = request.get(ACCESS)
    return _PLAIN if access and access.provider == "onelogin" else SCIM
