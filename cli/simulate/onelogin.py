"""What OneLogin's app "SCIM with SAML (SCIM v2 Enterprise)" sends, byte for byte.

From captures and published templates: no User-Agent, no Accept; a bare `?` without a query and
a trailing `&` with one; `+` for spaces; a lookup before each write; groups found by listing
pages of 100; one PATCH a user and group; never a PATCH of a user.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote_plus

from cli.simulate.people import Deprovision, Move, Person, Provision, Step

Template = Literal["stock", "rfc"]
_CORE = "urn:ietf:params:scim:schemas:core:2.0"
_PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_STOCK_CORE = "urn:scim:schemas:core:2.0"
_STOCK_ENTERPRISE = "urn:scim:schemas:extension:enterprise:2.0"
_NOBODY = "onelogin-connection-test-nobody"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Request:
    """One request: what it is for, method, target below the base address, and body."""

    kind: str
    method: str
    target: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer: status and decoded JSON, an empty object where there is none."""

    status: int
    body: dict[str, Any]

    @property
    def is_refusal(self) -> bool:
        """Whether the request was not done."""
        return self.status >= HTTPStatus.BAD_REQUEST


Send = Callable[[Request], Reply]


def lookup(user_name: str) -> Request:
    """Return the lookup by userName."""
    return Request("look up user", "GET", f"/Users?filter={_equals(user_name)}&")


def create_user(body: dict[str, Any]) -> Request:
    """Return the creation of a user."""
    return Request("create user", "POST", "/Users?", _compact(body))


def update_user(user_id: str, body: dict[str, Any]) -> Request:
    """Return the replacement of a user; there is no id in the body."""
    return Request("update user", "PUT", f"/Users/{user_id}?", _compact(body))


def delete_user(user_id: str) -> Request:
    """Return the deletion of a user."""
    return Request("delete user", "DELETE", f"/Users/{user_id}?")


def list_groups(start_index: int) -> Request:
    """Return one page of the group list."""
    return Request("list groups", "GET", f"/Groups?count={_PAGE}&startIndex={start_index}&")


def create_group(name: str) -> Request:
    """Return the creation of a group: exactly two keys."""
    body = {"displayName": name, "schemas": [f"{_CORE}:Group"]}
    return Request("create group", "POST", "/Groups?", _compact(body))


def change_members(op: Literal["add", "remove"], group_id: str, user_id: str) -> Request:
    """Return the PATCH that adds or removes one user; 165 bytes to add a 36-character id."""
    operation = {"value": [{"value": user_id}], "op": op, "path": "members"}
    body = {"schemas": [_PATCH_OP], "Operations": [operation]}
    return Request(f"{op} member", "PATCH", f"/Groups/{group_id}?", _compact(body))


def user_body(person: Person, template: Template, *, active: bool) -> dict[str, Any]:
    """Return the app's SCIM JSON template, rendered for a person.

    The stock template has no `active`: it is added only to suspend.
    """
    body = _stock(person) if template == "stock" else _rfc(person)
    if template == "rfc" or not active:
        body["active"] = active
    return body


def _stock(person: Person) -> dict[str, Any]:
    return {
        "schemas": [_STOCK_CORE, _STOCK_ENTERPRISE],
        "userName": person.user_name,
        "name": {
            "familyName": person.family,
            "givenName": person.given,
            "formatted": f"{person.given} {person.family}",
        },
        "emails": {"value": person.user_name, "type": "work", "primary": True},
        "title": person.title,
        _STOCK_ENTERPRISE: {
            "department": person.department,
            "manager": {"managerId": "", "displayName": " "},
        },
    }


def _rfc(person: Person) -> dict[str, Any]:
    return {
        "userName": person.user_name,
        "name": {"givenName": person.given, "familyName": person.family},
        "schemas": [f"{_CORE}:User"],
        "emails": [{"primary": True, "type": "work", "value": person.user_name}],
    }


def _equals(user_name: str) -> str:
    return quote_plus(f'userName eq "{user_name}"')


def _compact(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(slots=True)
class OneLogin:
    """One app in OneLogin: it remembers the ids that it was given, as OneLogin does."""

    send: Send
    template: Template = "stock"
    users: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)

    def enable(self) -> bool:
        """Test the connection; whether the app would be enabled."""
        reply = self.send(Request("enable", "GET", f"/Users?filter={_equals(_NOBODY)}&"))
        return reply.status in {200, 404}

    def take(self, step: Step) -> None:
        """Send the requests of one step; stop it where one is refused, as OneLogin's task does."""
        match step:
            case Provision(person, groups):
                if self._write(person, active=True):
                    self._learn_groups(groups)
                    for name in groups:
                        self._change("add", name, person)
            case Move(person, leaves, joins):
                if self._write(person, active=True):
                    self._learn_groups((leaves, joins))
                    self._change("add", joins, person)
                    self._change("remove", leaves, person)
            case Deprovision(person, groups, action):
                for name in groups:
                    self._change("remove", name, person)
                self._end(person, action)

    def _write(self, person: Person, *, active: bool) -> bool:
        body = user_body(person, self.template, active=active)
        found = self.send(lookup(person.user_name)).body.get("Resources") or []
        request = update_user(found[0]["id"], body) if found else create_user(body)
        reply = self.send(request)
        if reply.is_refusal:
            return False
        self.users[person.user_name] = reply.body["id"]
        return True

    def _learn_groups(self, wanted: tuple[str, ...]) -> None:
        """List all groups, page by page, and create those that are missing."""
        start, total = 1, 1
        while start <= total:
            page = self.send(list_groups(start)).body
            listed = page.get("Resources") or []
            self.groups |= {group["displayName"]: group["id"] for group in listed}
            total, start = page.get("totalResults", 0), start + _PAGE
        for name in wanted:
            if name not in self.groups:
                reply = self.send(create_group(name))
                if not reply.is_refusal:
                    self.groups[name] = reply.body["id"]

    def _change(self, op: Literal["add", "remove"], group: str, person: Person) -> None:
        group_id, user_id = self.groups.get(group), self.users.get(person.user_name)
        if group_id and user_id:
            self.send(change_members(op, group_id, user_id))

    def _end(self, person: Person, action: Literal["suspend", "delete"]) -> None:
        user_id = self.users.get(person.user_name)
        if user_id is None:
            return
        if action == "delete":
            self.send(delete_user(user_id))
        else:
            self.send(update_user(user_id, user_body(person, self.template, active=False)))
