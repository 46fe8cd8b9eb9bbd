"""The simulator is OneLogin to the byte, and the same seed is the same company."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.simulate import onelogin, people
from cli.simulate.onelogin import OneLogin, Reply, Request
from cli.simulate.people import Deprovision, Move, Person, Provision

ADA = Person("ada@globex.test", "Ada", "Kovac", "Lead", "Finance")
ID = "f47ac10b-58cc-4372-a567-0e02b2c3d479"


def test_adding_a_member_is_165_bytes_with_a_36_character_id() -> None:
    request = onelogin.change_members("add", ID, ID)

    assert request.body
    assert len(request.body) == 165
    assert (request.method, request.target) == ("PATCH", f"/Groups/{ID}?")
    assert json.loads(request.body)["Operations"] == [
        {"value": [{"value": ID}], "op": "add", "path": "members"}
    ]


def test_a_lookup_is_encoded_as_a_form_with_an_ampersand_at_the_end() -> None:
    request = onelogin.lookup("ada@example.com")

    assert request.target == "/Users?filter=userName+eq+%22ada%40example.com%22&"


def test_a_group_is_created_with_exactly_two_keys() -> None:
    request = onelogin.create_group("Night shift")

    assert request.body == (
        b'{"displayName":"Night shift","schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}'
    )


def test_the_stock_template_has_odd_urns_emails_as_an_object_and_no_active() -> None:
    body = onelogin.user_body(ADA, "stock", active=True)

    assert body["schemas"][0] == "urn:scim:schemas:core:2.0"
    assert body["emails"] == {"value": ADA.user_name, "type": "work", "primary": True}
    assert not {"active", "externalId", "id"} & body.keys()
    assert onelogin.user_body(ADA, "stock", active=False)["active"] is False


class Endpoint:
    """A SCIM endpoint in a few lines, which keeps what it was sent."""

    def __init__(self, users: Iterable[str] = ()) -> None:
        self.known = dict.fromkeys(users, ID)
        self.groups: list[dict[str, str]] = []
        self.sent: list[Request] = []

    def send(self, request: Request) -> Reply:
        self.sent.append(request)
        match request.kind:
            case "look up user":
                found = [
                    {"id": key} for name, key in self.known.items() if name[:3] in request.target
                ]
                return Reply(200, {"Resources": found, "totalResults": len(found)})
            case "list groups":
                return Reply(200, {"Resources": self.groups, "totalResults": len(self.groups)})
            case "create group":
                self.groups.append({"displayName": json.loads(request.body or b"")["displayName"],
                                    "id": ID})  # fmt: skip
                return Reply(201, self.groups[-1])
        return Reply(200, {"id": ID})

    @property
    def kinds(self) -> list[str]:
        return [request.kind for request in self.sent]


def test_a_new_user_is_looked_up_created_and_joins_one_group_a_request() -> None:
    endpoint = Endpoint()

    OneLogin(endpoint.send).take(Provision(ADA, ("Admins", "Editors")))

    assert endpoint.kinds == [
        "look up user", "create user", "list groups", "create group", "create group",
        "add member", "add member",
    ]  # fmt: skip


def test_a_user_who_is_there_is_adopted_by_put() -> None:
    endpoint = Endpoint(users=["ada@globex.test"])

    OneLogin(endpoint.send).take(Provision(ADA, ()))

    assert endpoint.kinds[:2] == ["look up user", "update user"]


@pytest.mark.parametrize(
    ("action", "last"), [("suspend", "update user"), ("delete", "delete user")]
)
def test_who_goes_leaves_each_group_first(action: str, last: str) -> None:
    endpoint = Endpoint()
    app = OneLogin(endpoint.send)
    app.take(Provision(ADA, ("Admins", "Editors")))
    endpoint.sent.clear()

    app.take(Deprovision(ADA, ("Admins", "Editors"), action))

    assert endpoint.kinds == ["remove member", "remove member", last]


def test_a_user_is_never_patched() -> None:
    endpoint = Endpoint()
    app = OneLogin(endpoint.send)

    for step in people.plan(users=20, groups=4, days=10, seed=3):
        app.take(step)

    patched = [each.target for each in endpoint.sent if each.method == "PATCH"]
    assert patched
    assert all(target.startswith("/Groups/") for target in patched)


@given(st.integers(), st.integers(1, 12), st.integers(0, 8))
def test_the_same_seed_gives_the_same_steps(seed: int, groups: int, days: int) -> None:
    first = people.plan(users=5, groups=groups, days=days, seed=seed)

    assert people.plan(users=5, groups=groups, days=days, seed=seed) == first


@given(st.integers(), st.integers(1, 12))
def test_life_makes_sense(seed: int, groups: int) -> None:
    """Nobody leaves a group that they are not in, or goes twice."""
    member_of: dict[Person, set[str]] = {}

    for step in people.plan(users=6, groups=groups, days=12, seed=seed):
        match step:
            case Provision(person, names):
                member_of[person] = set(names)
            case Move(person, leaves, joins):
                assert leaves in member_of[person]
                assert joins not in member_of[person]
                member_of[person] = member_of[person] - {leaves} | {joins}
            case Deprovision(person, names, _):
                assert member_of.pop(person) == set(names)


def test_any_number_of_groups_has_distinct_names() -> None:
    names = people.group_names(57)

    assert len(set(names)) == 57
