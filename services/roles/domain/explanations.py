"""Why somebody holds a role, or does not, in words."""

from collections.abc import Collection, Iterable, Mapping

from services.roles.domain.working import Working
from shared.contracts.directory_events import GroupRef, UserRef
from shared.contracts.ids import GroupId
from shared.contracts.role_events import Reason, RoleRef


def renamed(reason: Reason, groups: Mapping[GroupId, GroupRef]) -> Reason:
    """Return the reason with the groups' names of today."""
    now = [groups.get(one.id, one) for one in reason.groups]
    return reason.model_copy(update={"groups": now})


def missing_role(
    part: Working, user: UserRef, role: RoleRef, granting: Collection[GroupRef]
) -> str:
    """Say in words what a user lacks to hold a role that the mapping gives to these groups."""
    if not user.active:
        return _inactive(part, user, role, granting)
    if not part.mapping.is_on:
        return f"The mapping is switched off, and {role.name} was not given to the user by hand."
    if ahead := _ahead(part, user, role, granting):
        return ahead
    if not granting:
        return f"The mapping gives {role.name} to no group."
    return f"The user is not in {_one_of(granting)}: the mapping gives {role.name} to nobody else."


def _inactive(part: Working, user: UserRef, role: RoleRef, granting: Collection[GroupRef]) -> str:
    if role.key in part.given.get(user.id, {}):
        return f"The user is inactive: {role.name}, given by hand, is held once it is active again."
    if part.mapping.default_role == role.key:
        return f"The user is inactive: {role.name} is the default role of active users."
    if not granting:
        return f"The mapping gives {role.name} to no group."
    return f"The user is inactive: only active users in {_one_of(granting)} hold {role.name}."


def _ahead(
    part: Working, user: UserRef, role: RoleRef, granting: Collection[GroupRef]
) -> str | None:
    """Say which group decides before what would grant the role; None where none does."""
    mine = part.member_of.get(user.id, set())
    deciding = [part.groups[group].display_name for group in part.mapping.deciding(mine)]
    if deciding and part.mapping.default_role == role.key:
        return (
            f"{role.name} is the default role, for users whom no row of the mapping matches; "
            f"{deciding[0]} does."
        )
    through = [group for group in granting if group.id in mine]
    if not through:
        return None
    return (
        f"The user is in {_listed(through)}, but {deciding[0]} comes first in the mapping and "
        "decides alone."
    )


def _one_of(groups: Collection[GroupRef]) -> str:
    return f"one of {_listed(groups)}" if len(groups) > 1 else _listed(groups)


def _listed(groups: Iterable[GroupRef]) -> str:
    return ", ".join(sorted(group.display_name for group in groups))


def missing(part: Working, user: UserRef) -> str:
    """Say in words why a user holds no role."""
    if not user.active:
        return f"The user is inactive, so no group grants anything.{_resting(part, user)}"
    if not part.mapping.is_on:
        return "The mapping is switched off, and nothing was given to the user by hand."
    if not part.groups:
        return "The user is in no group."
    listed = _listed(part.groups.values())
    return f"The user is in {listed}, and the mapping gives none of these groups a role."


def _resting(part: Working, user: UserRef) -> str:
    names = sorted(part.roles[role].name for role in part.given.get(user.id, {}))
    return f" {', '.join(names)}, given by hand, is held again once it is active." if names else ""
