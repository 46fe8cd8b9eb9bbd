"""What three providers send to change somebody: method, target and body, as recorded.

`tests/contract/idp` has the recordings; OneLogin's are those of `rollcall simulate`. `mark` is a
title that nobody had before, so that each update changes something, whatever an update whose answer
was lost did before it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote

from cli.simulate import onelogin
from cli.simulate.onelogin import Request
from cli.simulate.people import Person

_CORE = "urn:ietf:params:scim:schemas:core:2.0"
_PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Provider(Protocol):
    """One provider's way to say things. An id of the provider's own is the user name here."""

    name: str
    headers: dict[str, str]

    def lookup(self, person: Person) -> Request: ...
    def create(self, person: Person) -> Request: ...
    def update(self, person: Person, key: str, mark: str, *, active: bool) -> Request: ...
    def add(self, group: str, keys: Sequence[str]) -> Request: ...
    def remove(self, group: str, keys: Sequence[str]) -> Request: ...
    def delete(self, key: str) -> Request: ...


@dataclass(frozen=True, slots=True)
class OneLogin:
    """PUTs whole users; one PATCH for each member, or one for several with a value list."""

    name: str = "onelogin"

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json"}

    def lookup(self, person: Person) -> Request:
        return onelogin.lookup(person.user_name)

    def create(self, person: Person) -> Request:
        return onelogin.create_user(onelogin.user_body(person, "stock", active=True))

    def update(self, person: Person, key: str, mark: str, *, active: bool) -> Request:
        body = onelogin.user_body(replace(person, title=mark), "stock", active=active)
        return onelogin.update_user(key, body)

    def add(self, group: str, keys: Sequence[str]) -> Request:
        return _patch("add members", f"/Groups/{group}?", _members("add", keys))

    def remove(self, group: str, keys: Sequence[str]) -> Request:
        return _patch("remove members", f"/Groups/{group}?", _members("remove", keys))

    def delete(self, key: str) -> Request:
        return onelogin.delete_user(key)


@dataclass(frozen=True, slots=True)
class Okta:
    """PUTs profiles, PATCHes `active` without a path, removes members by a filter."""

    name: str = "okta"

    @property
    def headers(self) -> dict[str, str]:
        return {"User-Agent": "Okta SCIM Client 1.0.0", "Accept": "application/scim+json",
                "Content-Type": "application/scim+json; charset=utf-8"}  # fmt: skip

    def lookup(self, person: Person) -> Request:
        wanted = quote(f'userName eq "{person.user_name}"')
        return Request("look up user", "GET", f"/Users?filter={wanted}&startIndex=1&count=100")

    def create(self, person: Person) -> Request:
        return Request("create user", "POST", "/Users", _json(self._profile(person)))

    def _profile(self, person: Person) -> dict[str, Any]:
        mail = {"primary": True, "value": person.user_name, "type": "work"}
        return {
            "schemas": [f"{_CORE}:User"],
            "userName": person.user_name,
            "name": {"givenName": person.given, "familyName": person.family},
            "emails": [mail],
            "displayName": f"{person.given} {person.family}",
            "title": person.title,
            "locale": "en-US",
            "externalId": f"00u-{person.user_name}",
            "groups": [],
            "active": True,
        }

    def update(self, person: Person, key: str, mark: str, *, active: bool) -> Request:
        if active:
            body = self._profile(replace(person, title=mark)) | {"id": key}
            return Request("update user", "PUT", f"/Users/{key}", _json(body))
        operation = {"op": "replace", "value": {"active": False, "title": mark}}
        return _patch("suspend user", f"/Users/{key}", operation)

    def add(self, group: str, keys: Sequence[str]) -> Request:
        return _patch("add members", f"/Groups/{group}", _members("add", keys))

    def remove(self, group: str, keys: Sequence[str]) -> Request:
        operations = [{"op": "remove", "path": f'members[value eq "{key}"]'} for key in keys]
        return _patch("remove members", f"/Groups/{group}", *operations)

    def delete(self, key: str) -> Request:
        return Request("delete user", "DELETE", f"/Users/{key}")


@dataclass(frozen=True, slots=True)
class Entra:
    """PATCHes attribute by attribute, with booleans as text and capital operations."""

    name: str = "entra"

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/scim+json; charset=utf-8", "ADSCIMVersion": "6.0"}

    def lookup(self, person: Person) -> Request:
        wanted = quote(f'externalId eq "{person.user_name}"')
        return Request("look up user", "GET", f"/Users?filter={wanted}")

    def create(self, person: Person) -> Request:
        body = {
            "schemas": [f"{_CORE}:User"],
            "externalId": person.user_name,
            "userName": person.user_name,
            "active": True,
            "displayName": f"{person.given} {person.family}",
            "emails": [{"primary": True, "type": "work", "value": person.user_name}],
            "meta": {"resourceType": "User"},
            "name": {"familyName": person.family, "givenName": person.given},
            "roles": [],
        }
        return Request("create user", "POST", "/Users", _json(body))

    def update(self, person: Person, key: str, mark: str, *, active: bool) -> Request:
        del person  # only what changed is sent
        title = {"op": "Replace", "path": "title", "value": mark}
        state = {"op": "Replace", "path": "active", "value": str(active)}
        return _patch("update user", f"/Users/{key}", title, state)

    def add(self, group: str, keys: Sequence[str]) -> Request:
        return _patch("add members", f"/Groups/{group}", _members("Add", keys))

    def remove(self, group: str, keys: Sequence[str]) -> Request:
        return _patch("remove members", f"/Groups/{group}", _members("Remove", keys))

    def delete(self, key: str) -> Request:
        return Request("delete user", "DELETE", f"/Users/{key}")


PROVIDERS: tuple[Provider, ...] = (OneLogin(), Okta(), Entra())


def _members(op: str, keys: Sequence[str]) -> dict[str, Any]:
    return {"op": op, "path": "members", "value": [{"value": key} for key in keys]}


def _patch(kind: str, target: str, *operations: dict[str, Any]) -> Request:
    return Request(kind, "PATCH", target, _json({"schemas": [_PATCH_OP], "Operations": operations}))


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
