"""What Activity says about the calls of a provider: what it tried, and what to do. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from itertools import groupby

from services.portal.domain.words import PROVIDERS
from shared.contracts.management import Request, Token

_FAILED = 400
_NAMES: Mapping[str, str] = {
    **PROVIDERS,
    "google": "Google Workspace",
    "rippling": "Rippling",
    "authentik": "authentik",
    "generic": "The provider",
}


@dataclass(frozen=True, slots=True)
class _Places:
    """Where an administrator finds things in the provider's own screens."""

    token: str = "its token field"  # noqa: S105  # a place, not a token
    address: str = "its base URL"
    mapping: str = "its attribute mapping"
    retry: str = "Let it provision again."


_PLACES: Mapping[str, _Places] = {
    "onelogin": _Places(
        "Configuration → SCIM Bearer Token",
        "Configuration → SCIM Base URL",
        "Parameters or the SCIM JSON Template",
        "Then retry the failed task under Provisioning.",
    ),
    "okta": _Places(
        "Provisioning → Integration",
        "Provisioning → Integration → SCIM connector base URL",
        "Provisioning → To App → Attribute Mappings",
        "Then retry it under Dashboard → Tasks.",
    ),
    "entra": _Places(
        "Provisioning → Admin Credentials → Secret Token",
        "Provisioning → Admin Credentials → Tenant URL",
        "Provisioning → Mappings",
        "Entra tries again in its next cycle, or use Provision on demand.",
    ),
}

_UNKNOWN_ADDRESS = (
    "{provider} called an address that does not exist. Compare {address} with the Endpoint URL of "
    "this directory: nothing may follow it."
)
# (status, scimType, endpoint) → advice; an empty endpoint stands for all others.
_ADVICE: Mapping[tuple[int, str | None, str], str] = {
    (400, "invalidFilter", ""): (
        "{provider} searched with a filter that cannot be used. Check the attribute by which users "
        "and groups are matched ({mapping})."
    ),
    (400, "invalidSyntax", ""): (
        "{provider} sent a body that cannot be read. If its template was edited, look for a "
        "missing comma or quote in {mapping}."
    ),
    (400, "invalidValue", ""): (
        "{provider} sent a value that cannot be accepted; the answer names the attribute. Correct "
        "it at the user or group, or in {mapping}. {retry}"
    ),
    (400, "invalidPath", ""): (
        "{provider} wanted to change an attribute that does not exist. Correct its name in "
        "{mapping}."
    ),
    (400, "noTarget", ""): (
        "{provider} wanted to change something that the user or group does not have. {retry}"
    ),
    (400, "mutability", ""): (
        "{provider} wanted to change an attribute that cannot be changed. Take it out of {mapping}."
    ),
    (400, "tooMany", ""): "{provider} asked for more than one answer may hold.",
    (401, None, ""): (
        "{provider} sent a token that is not accepted{ending}. Create a token under SCIM "
        "Provisioning and paste it into {token}, without the word Bearer."
    ),
    (403, None, ""): (
        "{provider} used a token that does not allow this. Take Endpoint URL and token from the "
        "same directory."
    ),
    (404, None, "Users"): (
        "{provider} asked for a user that is not here: deleted meanwhile, or never created. {retry}"
    ),
    (404, None, "Groups"): (
        "{provider} asked for a group that is not here: deleted meanwhile, or never created. "
        "{retry}"
    ),
    (404, None, ""): _UNKNOWN_ADDRESS,
    (405, None, ""): _UNKNOWN_ADDRESS,
    (409, "uniqueness", "Users"): (
        "{provider} sent a user name that already exists. Look for a second account with the same "
        "user name, and for the attribute by which users are matched ({mapping}). {retry}"
    ),
    (409, "uniqueness", "Groups"): (
        "{provider} sent a group name that already exists. Rename one of the two groups. {retry}"
    ),
    (409, None, ""): (
        "{provider} sent changes that wait for each other; the answer names them. {retry}"
    ),
    (409, "uniqueness", ""): "{provider} sent a value that another resource already has. {retry}",
    (412, None, ""): "The user or group had changed meanwhile. {retry}",
    (413, None, ""): "{provider} sent more at once than is accepted. Let it send smaller pieces.",
    (415, None, ""): (
        "{provider} did not say that it sends JSON. Add the header Content-Type: "
        "application/scim+json to its custom headers."
    ),
    (429, None, ""): "{provider} called faster than is accepted; it tries again by itself.",
    (501, None, ""): "{provider} asked for something that Rollcall does not offer.",
    (503, None, ""): (
        "Rollcall was busy, or the directory is paused; the answer says which. Nothing is lost: "
        "the call may be repeated. {retry}"
    ),
}
_OUR_FAULT = (
    "Something went wrong here, not at {provider}. If it happens again, quote the request id."
)
_THEIR_FAULT = "The call was refused; the answer says why. {retry}"

_DISCOVERY = frozenset({"ServiceProviderConfig", "ResourceTypes", "Schemas"})
_OTHERS: Mapping[str, str] = {
    "": "Ask for everything", ".search": "Ask for everything", "Me": "Ask who the caller is",
    "Bulk": "Change several at once",
}  # fmt: skip
_SINGULAR: Mapping[str, str] = {"Users": "a user", "Groups": "a group"}
_VERBS: Mapping[str, str] = {
    "GET": "Read", "POST": "Create", "PUT": "Replace", "PATCH": "Change", "DELETE": "Delete",
}  # fmt: skip


def is_failed(request: Request) -> bool:
    """Tell whether a call was refused or went wrong."""
    return request.status >= _FAILED


def action(request: Request) -> str:
    """Say what the provider tried."""
    endpoint, _, rest = request.path.removeprefix("/").partition("/")
    if endpoint in _OTHERS:
        return _OTHERS[endpoint]
    if endpoint not in _SINGULAR:
        return "Ask what is offered" if endpoint in _DISCOVERY else "Call an unknown address"
    if rest == ".search":
        return f"Look up {_SINGULAR[endpoint]}"
    if request.method == "GET" and not rest:
        is_lookup = request.query.startswith("filter=") or "&filter=" in request.query
        return f"Look up {_SINGULAR[endpoint]}" if is_lookup else f"List {endpoint.lower()}"
    return f"{_VERBS.get(request.method, request.method)} {_SINGULAR[endpoint]}"


def advice(request: Request, provider: str) -> str | None:
    """Say in plain words what went wrong and what to do; None for a call that was answered."""
    if not is_failed(request):
        return None
    endpoint = request.path.removeprefix("/").partition("/")[0]
    keys = [
        (request.status, kind, where)
        for kind in (request.scim_type, None)
        for where in (endpoint, "")
    ]
    default = _OUR_FAULT if request.status >= 500 else _THEIR_FAULT  # noqa: PLR2004  # server's
    words = next((_ADVICE[key] for key in keys if key in _ADVICE), default)
    places = _PLACES.get(provider, _Places())
    return words.format(
        provider=_NAMES.get(provider, _NAMES["generic"]),
        ending=_ending(request),
        token=places.token,
        address=places.address,
        mapping=places.mapping,
        retry=places.retry,
    ).strip()


def _ending(request: Request) -> str:
    return f"; it ended in {request.token_last_four}" if request.token_last_four else ""


def mismatch(request: Request, provider: str) -> str | None:
    """Say so when a call looks like another provider than the directory is set up for."""
    if request.provider in {"generic", provider} or provider == "generic":
        return None
    return (
        f"This call looks like {_NAMES.get(request.provider, request.provider)}, but the directory "
        f"is set up for {_NAMES.get(provider, provider)}."
    )


def name_of(provider: str) -> str:
    """Return the name of a provider that was guessed."""
    return "not recognised" if provider == "generic" else _NAMES.get(provider, provider)


def token_in_words(request: Request, tokens: Iterable[Token]) -> str:
    """Say which token a call came with, as the administrator knows it."""
    for token in tokens:
        if token.id == request.key_id or token.last_four == request.token_last_four:
            return f"{token.label}, ends in {token.last_four}"
    if request.token_last_four:
        return f"One that this directory does not know, ends in {request.token_last_four}"
    return "None that can be shown"


def by_day(requests: Iterable[Request]) -> list[tuple[date, Sequence[Request]]]:
    """Return calls by day (UTC), in the order they come in."""
    days = groupby(requests, key=lambda each: each.at.astimezone(UTC).date())
    return [(day, list(calls)) for day, calls in days]
