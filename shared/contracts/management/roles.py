"""Roles, the mapping that grants them, and why somebody holds one."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.contracts.base import Contract
from shared.contracts.directory_events import Cause, UserRef
from shared.contracts.ids import DirectoryId, GroupId, RoleKey, UserId
from shared.contracts.management.fields import Key, Moment, Name
from shared.contracts.role_events import HeldRole, Reason, RoleRef, Strategy


class RoleDeclaration(Contract):
    """Body of `PUT /v1/roles/{key}`."""

    name: Name
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    privileged: bool = False


class Role(RoleDeclaration):
    """A role that the application declared.

    One that is `leaving` goes once nobody holds it, and nothing can grant it until then.
    """

    key: RoleKey
    leaving: bool = False


class RoleRemoval(Contract):
    """Body of `DELETE /v1/roles/{key}`: who asks, and the role that takes its place in mappings.

    204 when it is gone, 202 when it goes once everybody has been reached; 409 without a replacement
    while groups grant the role.
    """

    actor: str
    replacement: Key | None = None


class GroupQuery(Contract):
    """Query of `GET /v1/directories/{id}/groups`: those of that name, whatever its case, or all."""

    name: str | None = None


class KnownGroup(Contract):
    """A group of a directory as the roles service knows it."""

    id: GroupId
    display_name: str
    external_id: str | None = None
    members: int


class MappingRow(Contract):
    """Who is in the group holds the role."""

    group_id: GroupId
    role: Key


Held = Literal["keep", "revoke"]
_AFTER = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[a-z0-9][a-z0-9_.:-]{0,62}$"


class DefaultRole(Contract):
    """The role that active users get without a group; none when it has no key.

    A privileged role is taken only if its name, not its key, is typed in `confirmed_name`.
    """

    role: Key | None = None
    confirmed_name: str | None = None


class MappingEdit(Contract):
    """Body of `PUT /v1/directories/{id}/mapping`: all rows, and the version they were made from.

    Under `first_match` the rows are in order: the first group that a user is in decides, by all
    its rows. What is left out (`strategy`, `default`, `enabled`) stays as it is stored. Switching
    a mapping off needs `held`: keep what is held through it, given by hand, or revoke it; on again
    it needs the same for what was kept. `losses` names the privileged roles that nobody in the
    directory may hold any more by it. 409 when the stored mapping has another version by now, or
    when saving would not have the `effect` that a preview told.
    """

    version: Annotated[int, Field(ge=0)]
    rows: Annotated[list[MappingRow], Field(max_length=10_000)]
    strategy: Strategy | None = None
    default: DefaultRole | None = None
    enabled: bool | None = None
    held: Held | None = None
    losses: Annotated[list[Key], Field(max_length=1000)] = Field(default_factory=list)
    actor: str | None = None
    effect: str | None = None


class MappedGroupRow(MappingRow):
    """A mapping row as stored; a deleted group's row stays and is marked."""

    group_name: str
    group_deleted: bool = False
    role_name: str


class Progress(Contract):
    """How far what was saved has reached the users whom it concerns."""

    done: int
    total: int
    since: datetime


class Mapping(Contract):
    """The mapping of a directory; version 0 was never saved.

    Rows are in the order that decides under `first_match`, by name under `union`. `kept` is how
    many roles are given by hand because the mapping was switched off.
    `applying` is there until everybody whom a save concerns holds what it says.
    """

    directory_id: DirectoryId
    version: int
    rows: list[MappedGroupRow]
    strategy: Strategy = "union"
    default_role: RoleRef | None = None
    enabled: bool = True
    kept: int = 0
    applying: Progress | None = None


class PreviewedUser(Contract):
    """A user whose roles a mapping would change, and why each of them.

    What it `keeps` it held through the mapping, and will hold as given by hand.
    """

    user: UserRef
    gains: list[HeldRole]
    loses: list[HeldRole]
    keeps: list[RoleRef] = Field(default_factory=list)


class PreviewQuery(Contract):
    """Query of `POST /v1/directories/{id}/mapping/preview`: how many users to name."""

    users: Annotated[int, Field(ge=0, le=10_000)] = 100


class MappingPreview(Contract):
    """What would happen if a mapping was saved now, over `version`.

    The directory was followed up to `generation` and `sequence`. `effect` stands for all that would
    happen: a save can insist on it. Counts are of users; who is `changing` gains and loses, who is
    `keeping` holds by hand what it held through the mapping. `users` are some of them, by name.
    `losses` are the privileged roles that nobody would hold any more.
    """

    directory_id: DirectoryId
    version: int
    generation: int
    sequence: int
    effect: str
    gaining: int
    losing: int
    changing: int
    keeping: int = 0
    losses: list[RoleRef] = Field(default_factory=list)
    users: list[PreviewedUser]


class ExplanationQuery(Contract):
    """Query of `GET /v1/directories/{id}/users/{user}/roles`: one role, also one not held."""

    role: str | None = None


class GivenByHand(Contract):
    """Since when a role is given by hand, and by which act."""

    since: datetime
    cause: Cause


class ManualAssignment(GivenByHand):
    """A role that a user is given by hand; not held while the user is inactive."""

    directory_id: DirectoryId
    user: UserRef
    role: RoleRef
    is_held: bool


class ExplainedRole(HeldRole):
    """A held role, since when, and by which act; `manual` if it is given by hand (as well).

    `fenced_since`: nothing grants it any more since then, but its loss waits behind the fence.
    """

    since: datetime
    cause: Cause
    manual: GivenByHand | None = None
    fenced_since: datetime | None = None


class Explanation(Contract):
    """Why a user holds its roles, or the one asked for; `missing` says why there are none."""

    directory_id: DirectoryId
    user: UserRef
    roles: list[ExplainedRole]
    missing: str | None = None


class AssignmentQuery(Contract):
    """Query of `GET /v1/directories/{id}/assignments`: who held what at a moment, now if none.

    A moment without an offset is in UTC. `user` is an id or a user name, `role` a key; `after` is
    what a page told as `next`.
    """

    at: Moment | None = None
    user: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    role: Key | None = None
    after: Annotated[str, StringConstraints(pattern=_AFTER)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class PastAssignment(Contract):
    """A role that a user held: since when, and why and by which act it was given it then."""

    user_id: UserId
    user_name: str
    role: RoleRef
    reason: Reason
    since: datetime
    cause: Cause


class AssignmentPage(Contract):
    """A page of who held what `at` a moment, by user and role; `next` is null on the last."""

    at: datetime
    items: list[PastAssignment]
    next: str | None = None
