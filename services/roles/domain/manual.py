"""Roles given by hand: they belong to the application, and the sync never touches them (ADR 0024).

They end when somebody takes them back or their user is deleted, and rest while it is inactive.
"""

from services.roles.domain import give, settle, take_back
from services.roles.domain.errors import NotManualError, UnknownError
from services.roles.domain.values import Moment, Told
from services.roles.domain.working import Working
from shared.contracts.directory_events import UserRef
from shared.contracts.ids import RoleKey


def assign(working: Working, user: UserRef, role: RoleKey, moment: Moment) -> list[Told]:
    """Give a user a role by hand; return what follows, nothing if somebody gave it before.

    What a mapping left behind when it was switched off is the application's from now on.
    """
    given = working.given.get(user.id, {}).get(role)
    if given and not given.is_kept:
        return []
    shown = working.shown_of(user.id)
    return [give(working, user, role, moment), *settle(working, user, shown, moment)]


def unassign(working: Working, user: UserRef, role: RoleKey, moment: Moment) -> list[Told]:
    """Take back a role that was given by hand; return what follows.

    Raises NotManualError for one that is held, and not by hand; UnknownError if it is not held.
    """
    if role not in working.given.get(user.id, {}):
        raise _not_given(working, user, role)
    shown = working.shown_of(user.id)
    told = take_back(working, user, [role], moment)
    return [*told, *settle(working, user, shown, moment, lost="manual")]


def _not_given(working: Working, user: UserRef, role: RoleKey) -> NotManualError | UnknownError:
    held, name = working.held.get(user.id, {}).get(role), working.roles[role].name
    if held is None:
        return UnknownError(f"{user.user_name} was not given {name} by hand.")
    groups = " and ".join(group.display_name for group in held.reason.groups)
    through = f"through {groups}" if groups else "as the default role of the directory"
    return NotManualError(
        f"{user.user_name} holds {name} {through}, not by hand: change the mapping, or the "
        "user's groups in the provider."
    )
