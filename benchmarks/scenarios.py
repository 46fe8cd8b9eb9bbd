"""What the benchmarks send: the calls of a directory sync, each on its own or mixed."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote

from benchmarks.http_client import Target

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True, slots=True)
class Call:
    """A request to measure."""

    method: str
    path: str
    document: Any = None


@dataclass(slots=True)
class Population:
    """The users (id, userName) that a target holds, and a group to fill from those outside it."""

    target: Target
    run: str
    users: list[tuple[str, str]] = field(default_factory=list)
    group: str = ""
    inside: int = 0
    made: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311  # seeded

    def next_name(self) -> str:
        """Return a userName that was never used."""
        self.made += 1
        return f"{self.run}-{self.made}@example.com"

    async def grow(self, size: int, users_at_once: "Drive") -> None:
        """Create users until there are `size`."""
        names = [self.next_name() for _ in range(size - len(self.users))]

        async def one(name: str) -> None:
            reply = await self.target.call("POST", "/Users", user(name, len(name)))
            self.users.append((reply.json()["id"], name))

        await users_at_once([lambda name=name: one(name) for name in names])

    async def fill_group(self, size: int, at_once: int = 1000) -> None:
        """Make a new group of `size` of the users; the others may join it one by one."""
        reply = await self.target.call(
            "POST", "/Groups", {"schemas": [GROUP], "displayName": self.next_name()}
        )
        self.group, self.inside = reply.json()["id"], size
        for start in range(0, size, at_once):
            ids = [key for key, _ in self.users[start : min(start + at_once, size)]]
            await self.target.call("PATCH", f"/Groups/{self.group}", members("add", ids))


Drive = Callable[..., Any]


def user(name: str, number: int, **changes: Any) -> dict[str, Any]:
    """Return a user as identity providers send it, about 700 bytes."""
    given, family = f"Given{number % 997}", f"Family{number % 1999}"
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": f"ext-{name}",
        "userName": name,
        "name": {"givenName": given, "familyName": family, "formatted": f"{given} {family}"},
        "displayName": f"{given} {family}",
        "title": "Engineer",
        "active": True,
        "emails": [
            {"value": name, "type": "work", "primary": True},
            {"value": f"home.{name}", "type": "home"},
        ],
        "phoneNumbers": [{"value": f"+1-555-{number % 10000:04d}", "type": "work"}],
        "locale": "en-US",
        "timezone": "Europe/Berlin",
        ENTERPRISE: {
            "employeeNumber": str(number),
            "department": f"Department {number % 50}",
            "costCenter": f"CC{number % 20}",
            "organization": "Example",
            "division": "R&D",
        },
    } | changes


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """Return a PATCH body."""
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def members(op: str, ids: list[str]) -> dict[str, Any]:
    """Return a PATCH body that adds or removes members."""
    return patch({"op": op, "path": "members", "value": [{"value": key} for key in ids]})


def create(population: Population) -> Call:
    """Create a user."""
    name = population.next_name()
    return Call("POST", "/Users", user(name, population.made))


def lookup(population: Population) -> Call:
    """Find a user by userName."""
    _, name = population.dice.choice(population.users)
    return Call("GET", "/Users?filter=" + quote(f'userName eq "{name}"'))


def get(population: Population) -> Call:
    """Read a user."""
    key, _ = population.dice.choice(population.users)
    return Call("GET", f"/Users/{key}")


def put(population: Population) -> Call:
    """Replace a user; the title is new each time."""
    population.made += 1
    key, name = population.users[population.made % len(population.users)]
    return Call("PUT", f"/Users/{key}", user(name, 1, id=key, title=f"E {population.made}"))


def patch_active(population: Population) -> Call:
    """Deactivate everybody in turn, then activate everybody: each call changes something."""
    population.made += 1
    turn, place = divmod(population.made, len(population.users))
    operation = {"op": "replace", "path": "active", "value": turn % 2 == 1}
    return Call("PATCH", f"/Users/{population.users[place][0]}", patch(operation))


def member_add(population: Population) -> Call:
    """Add one user who is not in the group yet."""
    key, _ = population.users[population.inside]
    population.inside += 1
    return Call("PATCH", f"/Groups/{population.group}", members("add", [key]))


def member_remove(population: Population) -> Call:
    """Remove the user who joined last."""
    population.inside -= 1
    key, _ = population.users[population.inside]
    return Call("PATCH", f"/Groups/{population.group}", members("remove", [key]))


Scenario: TypeAlias = Callable[[Population], Call]
SCENARIOS: Mapping[str, Scenario] = {
    "create": create,
    "lookup": lookup,
    "get": get,
    "put": put,
    "patch active": patch_active,
    "member add": member_add,
}
