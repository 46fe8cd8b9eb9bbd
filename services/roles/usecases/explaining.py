"""Why somebody holds its roles, or lacks one."""

from collections.abc import Iterable

from services.roles.domain import explanations
from services.roles.domain.errors import UnknownError
from services.roles.domain.working import Working
from services.roles.store import directories, mappings, working
from shared import db
from shared.contracts import management
from shared.contracts.directory_events import GroupRef, UserRef
from shared.contracts.ids import RoleKey
from shared.contracts.management import Explanation


async def explain(
    database: db.Database, directory: str, user: str, role: str | None = None
) -> Explanation:
    """Say why a user holds its roles, or that one, or what is missing. Raises UnknownError."""
    async with database.reading() as connection:
        found = await directories.find(connection, directory)
        person = await directories.find_user(connection, found.id, user)
        loaded = await working.load(connection, {found.id: found}, [(found.id, person.id)])
        part = loaded[found.id]
        if role is not None and role not in part.roles:
            raise UnknownError(f"No role {role} is declared; see `rollcall roles list`.")
        mapped = await mappings.rows(connection, found.id)
    held = sorted(part.held.get(person.id, {}))
    roles = [explained(part, person, key) for key in held if role in {None, key}]
    words = None if roles else _missing(part, person, role, mapped)
    return Explanation(directory_id=found.id, user=person, roles=roles, missing=words)


def explained(part: Working, user: UserRef, role: RoleKey) -> management.ExplainedRole:
    """Return why a user holds a role that it holds."""
    one, given = part.held[user.id][role], part.given.get(user.id, {}).get(role)
    by_hand = management.GivenByHand(since=given.since, cause=given.cause) if given else None
    return management.ExplainedRole(
        role=part.roles[role],
        reason=explanations.renamed(one.reason, part.groups),
        since=one.since,
        cause=one.cause,
        manual=by_hand,
        fenced_since=one.waits and one.waits.since,
    )


def _missing(
    part: Working, user: UserRef, role: str | None, mapped: Iterable[management.MappedGroupRow]
) -> str:
    if role is None:
        return explanations.missing(part, user)
    granting = [
        GroupRef(id=row.group_id, display_name=row.group_name)
        for row in mapped
        if row.role == role and not row.group_deleted
    ]
    return explanations.missing_role(part, user, part.roles[RoleKey(role)], granting)
