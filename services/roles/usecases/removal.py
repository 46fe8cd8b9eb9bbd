"""Taking a role out of the catalogue: never from under those who hold it."""

from collections.abc import Callable, Iterable
from datetime import datetime

from services.roles.domain.errors import RoleInUseError, StaleMappingError, UnknownError
from services.roles.domain.values import Moment
from services.roles.store import mappings
from services.roles.usecases import manual, mapping
from shared import audit, db
from shared.contracts.directory_events import Cause
from shared.contracts.ids import DirectoryId, RoleKey
from shared.contracts.management import DefaultRole, MappingEdit, MappingRow, RoleRemoval


async def remove(
    database: db.Database,
    role: RoleKey,
    wanted: RoleRemoval,
    *,
    now: datetime,
    new_id: Callable[[], str],
) -> bool:
    """Remove a role; put another in its place first, directory by directory.

    Mappings are saved as if an administrator had done it, and what follows is published. Return
    whether the role is gone; where it is not, it goes once the saves have reached everybody, and
    nothing can grant it until then. Cut short, it goes on when it is asked for again.
    Raises UnknownError, RoleInUseError, and BadMappingError where a privileged role would become
    the default one by it.
    """
    await _check(database, role, wanted.replacement)
    used = await _mapped_in(database, role)
    if used and wanted.replacement is None:
        raise RoleInUseError(
            f"{role} is granted by mapping or by hand in {len(used)} of the directories. Name a "
            "role that takes its place (`replacement`), or take it away there first."
        )
    facts = {"role": role, "replacement": wanted.replacement, "directories": len(used)}
    async with database.transaction() as tx:
        await mappings.let_go(tx, role, {"actor": wanted.actor, "facts": facts})
    for directory in used:
        await _replace(database, directory, role, wanted, now=now, new_id=new_id())
    if await _is_removed(database, role):
        return True
    if await _mapped_in(database, role):
        raise RoleInUseError(f"A mapping that grants {role} was saved meanwhile; try again.")
    return False


async def finish(database: db.Database) -> None:
    """Remove the roles that were to go once they could, and can by now."""
    async with database.connection() as connection:
        waiting = await mappings.leaving(connection)
    for role in waiting:
        await _is_removed(database, role)


async def _is_removed(database: db.Database, role: RoleKey) -> bool:
    async with database.transaction() as tx:
        noted = await mappings.remove_role(tx, role)
        if noted is not None:
            await audit.record(tx, noted["actor"], "role.removed", None, noted["facts"])
    return noted is not None


async def _check(database: db.Database, role: RoleKey, replacement: str | None) -> None:
    async with database.connection() as connection:
        declared = {one.key for one in await mappings.catalogue(connection)}
    for key in (role, replacement):
        if key is not None and key not in declared:
            raise UnknownError(f"No role {key} is declared; see `rollcall roles list`.")
    if role == replacement:
        raise RoleInUseError(f"{role} cannot take its own place; name another role.")


async def _mapped_in(database: db.Database, role: RoleKey) -> list[DirectoryId]:
    async with database.connection() as connection:
        return await mappings.mapped_in(connection, role)


async def _replace(
    database: db.Database,
    directory: DirectoryId,
    role: RoleKey,
    wanted: RoleRemoval,
    *,
    now: datetime,
    new_id: str,
) -> None:
    before = await mapping.get(database, directory)
    rows = _with_replacement(before.rows, role, wanted.replacement or role)
    is_default = before.default_role is not None and before.default_role.key == role
    default = DefaultRole(role=wanted.replacement) if is_default else None
    edit = MappingEdit(
        version=before.version, rows=rows, default=default, losses=[role], actor=wanted.actor
    )
    moment = Moment(now, Cause(kind="administrator", id=new_id, actor=wanted.actor))
    await manual.replace(database, directory, (role, RoleKey(wanted.replacement or role)), moment)
    try:
        await mapping.save(database, directory, edit, now=now, new_id=new_id, is_confirmed=True)
    except StaleMappingError as error:
        raise RoleInUseError(
            f"The mapping of directory {directory} was saved meanwhile; try again."
        ) from error


def _with_replacement(
    rows: Iterable[MappingRow], role: RoleKey, replacement: str
) -> list[MappingRow]:
    """Return the rows with another role in place of one, each group and role once."""
    pairs = dict.fromkeys(
        (row.group_id, replacement if row.role == role else row.role) for row in rows
    )
    return [MappingRow(group_id=group, role=key) for group, key in pairs]
