"""Guesses from a request which provider sent it: a table of signs, the strongest first.

A guess is for people who look at the request log; nothing is decided by it. A sign is documented
by its vendor or was captured, where the comment says no other.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

GENERIC = "generic"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_ENTRA_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM"
_ONELOGIN_SCHEMAS = frozenset({
    "urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0",
})  # fmt: skip
_PING_LOOKUP = re.compile(r"filter=emails(?:\+|%20)eq", re.IGNORECASE)
_RIPPLING_LOOKUP = re.compile(
    r"filter=emails(?:\.value|(?:\[|%5b)primary.*(?:\]|%5d)\.value)(?:\+|%20)eq", re.IGNORECASE
)


class Traits(NamedTuple):
    """What of a request tells its sender; `target` is the raw path and query, `body` decoded."""

    user_agent: str | None
    names_entra_version: bool
    target: str
    body: Any = None


def guess(traits: Traits) -> str:
    """Return the provider that the request looks like, `generic` when nothing tells."""
    if traits.user_agent and (named := _by_agent(traits.user_agent)):
        return named
    signs = _SIGNS_WITHOUT_BODY if traits.body is None else _SIGNS
    for provider, shows in signs:
        if shows(traits):
            return provider
    return GENERIC


# Okta's is documented; OneLogin sends none, but Docker's guide tells administrators to add one;
# the other names are what their owners are called.
_AGENTS: Mapping[str, str] = {
    "okta": "okta",
    "onelogin": "onelogin",
    "jumpcloud": "jumpcloud",
    "pingfederate": "ping",
    "pingone": "ping",
    "pingidentity": "ping",
    "authentik": "authentik",
    "rippling": "rippling",
    "google": "google",
    "azure": "entra",
    "entra": "entra",
}


@lru_cache(maxsize=256)
def _by_agent(user_agent: str) -> str | None:
    folded = user_agent.lower()
    return next((provider for word, provider in _AGENTS.items() if word in folded), None)


def _schemas(traits: Traits) -> list[Any]:
    schemas = traits.body.get("schemas") if isinstance(traits.body, dict) else None
    return schemas if isinstance(schemas, list) else []


def _operations(traits: Traits) -> Iterator[Mapping[str, Any]]:
    operations = traits.body.get("Operations") if isinstance(traits.body, dict) else None
    for each in operations if isinstance(operations, list) else []:
        if isinstance(each, dict):
            yield each


def _names_microsofts_schema(traits: Traits) -> bool:
    return any(str(schema).startswith(_ENTRA_GROUP) for schema in _schemas(traits))


def _capitalises_operations(traits: Traits) -> bool:
    return any(each.get("op") in {"Add", "Replace", "Remove"} for each in _operations(traits))


def _names_onelogins_schemas(traits: Traits) -> bool:
    return any(str(schema) in _ONELOGIN_SCHEMAS for schema in _schemas(traits))


def _leaves_a_separator(traits: Traits) -> bool:
    return traits.target.endswith(("?", "&"))


def _lists_groups_namelessly(traits: Traits) -> bool:
    return not traits.user_agent and traits.target.startswith("/Groups?count=100&startIndex=")


def _names_the_extension_first(traits: Traits) -> bool:
    schemas = _schemas(traits)
    return len(schemas) > 1 and schemas[0] == _ENTERPRISE


def _wraps_a_whole_group(traits: Traits) -> bool:
    return any(
        "path" not in each
        and isinstance(each.get("value"), dict)
        and {"id", "schemas", "meta"} <= each["value"].keys()
        for each in _operations(traits)
    )


def _compares_emails(traits: Traits) -> bool:
    return "filter=emails" in traits.target and _PING_LOOKUP.search(traits.target) is not None


def _compares_an_address(traits: Traits) -> bool:
    return "filter=emails" in traits.target and _RIPPLING_LOOKUP.search(traits.target) is not None


_Signs: TypeAlias = tuple[tuple[str, Callable[[Traits], bool]], ...]
_OWN_SIGNS: _Signs = (
    # Microsoft's own header, and the flag that its guide lets one put into the address.
    ("entra", lambda traits: traits.names_entra_version),
    ("entra", lambda traits: "aadOptscim062020" in traits.target),
)
_BODY_SIGNS: _Signs = (
    ("entra", _names_microsofts_schema),
    ("entra", _capitalises_operations),
    # The schemas of OneLogin's stock template.
    ("onelogin", _names_onelogins_schemas),
)
_ADDRESS_SIGNS: _Signs = (
    # OneLogin leaves a bare `?` or a trailing `&`; of all captures its own alone lack a User-Agent.
    ("onelogin", _leaves_a_separator),
    ("onelogin", _lists_groups_namelessly),
    # A complex attribute compared without a sub-attribute: PingFederate's workEmail matching.
    ("ping", _compares_emails),
    ("rippling", _compares_an_address),
)
_WEAK_BODY_SIGNS: _Signs = (
    ("jumpcloud", _names_the_extension_first),
    ("authentik", _wraps_a_whole_group),
)
_SIGNS = _OWN_SIGNS + _BODY_SIGNS + _ADDRESS_SIGNS + _WEAK_BODY_SIGNS
# Most requests have no body, and each one is asked.
_SIGNS_WITHOUT_BODY = _OWN_SIGNS + _ADDRESS_SIGNS
