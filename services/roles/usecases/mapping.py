"""The mapping of a directory: what it is, what another one would change, and saving that one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.roles.domain import differences, edits
from services.roles.domain.edits import Edited
from services.roles.domain.errors import BadMappingError, StaleMappingError
from services.roles.domain.fence import Fence
from services.roles.domain.previews import Preview
from services.roles.domain.remapping import remap
from services.roles.domain.rollouts import Pending, Rollout
from services.roles.domain.values import Directory, Moment, Told
from services.roles.domain.working import Working
from services.roles.store import directories, fences, manual, mappings, outgoing, rollouts
from services.roles.store.rollouts import Inputs
from services.roles.usecases import settling
from shared import consume, db
from shared.contracts import management
from shared.contracts.directory_events import Cause, UserRef
from shared.contracts.ids import RoleKey, UserId
from shared.contracts.management import MappingEdit, MappingPreview
from shared.contracts.role_events import MappingSaved, RoleRef
from shared.contracts.topics import DIRECTORY_EVENTS

_USERS_AT_ONCE = 500
_ATTEMPTS = 3
_MOST_WAITING = 16


async def get(database: db.Database, directory: str) -> management.Mapping:
    """Return the mapping of a directory. Raises UnknownError."""
    async with database.connection() as connection:
        return await _stored(connection, await directories.find(connection, directory))


async def preview(
    database: db.Database, directory: str, edit: MappingEdit, *, now: datetime, most: int
) -> MappingPreview:
    """Return what saving would change, with the names of `most` users; nothing is stored.

    Raises UnknownError, StaleMappingError, BadMappingError.
    """
    async with database.reading() as tx:
        found = await directories.find(tx, directory)
        if found.is_resyncing:
            raise StaleMappingError(
                "The directory is being told again at the moment; preview it in a few seconds."
            )
        edited = await _edited(tx, found, edit)
        moment = Moment(now, Cause(kind="mapping", id=found.id, actor=edit.actor))
        holders = await _privileged(tx, found)
        shown = await _shown(tx, found, edited, moment, most)
        at = await consume.position(tx, DIRECTORY_EVENTS.name, found.id)
        return MappingPreview(
            directory_id=found.id,
            version=found.mapping_version,
            generation=at.generation,
            sequence=at.sequence,
            effect=shown.effect,
            gaining=shown.gaining,
            losing=shown.losing,
            changing=shown.changing,
            keeping=shown.keeping,
            losses=await _named(tx, shown.emptied(holders)),
            users=shown.by_name,
        )


@dataclass(frozen=True, slots=True)
class _Before:
    """What a save is held against: the holders of privileged roles, and the fence.

    A save that `is_confirmed` may take away as much as it does.
    """

    holders: dict[RoleKey, int]
    fence: Fence
    is_confirmed: bool


async def _before(tx: db.Connection, directory: Directory, *, is_confirmed: bool) -> _Before:
    (fence,) = (await fences.load(tx, [directory.id], [])).values()
    return _Before(await _privileged(tx, directory), fence, is_confirmed)


async def save(
    database: db.Database,
    directory: str,
    edit: MappingEdit,
    *,
    now: datetime,
    new_id: str,
    is_confirmed: bool = False,
) -> management.Mapping:
    """Save a mapping and publish what follows from it; one act, one cause, `new_id`.

    A save that changes nothing changes no version and publishes nothing. Where it concerns more
    than a few hundred users, a rollout reaches them after the answer (ADR 0022). What takes more
    away at once than the fence lets pass must name the effect of a preview, or be confirmed.
    Raises UnknownError, StaleMappingError, BadMappingError.
    """
    moment = Moment(now, Cause(kind="mapping", id=new_id, actor=edit.actor))
    for _ in range(_ATTEMPTS):
        foreseen = await _foreseen(database, directory, edit, moment, is_confirmed=is_confirmed)
        async with database.transaction() as tx:
            found = await directories.lock(tx, directory)
            edited = await _edited(tx, found, edit)
            if not edited.is_change:
                return await _stored(tx, found)
            users = await rollouts.count_users(tx, found.id, edited.concerned)
            is_large = users > settling.MOST_AT_ONCE
            if is_large and foreseen != await _at_stake(tx, found, edit, edited):
                continue
            before = await _before(tx, found, is_confirmed=is_confirmed)
            await _replace(tx, edited, moment)
            if is_large:
                await _roll_out(tx, edited, moment, users)
            else:
                await _settle(tx, before, edit, edited, moment)
            return await _stored(tx, edited.directory)
    raise StaleMappingError(
        "The directory goes on changing those whom this concerns. Nothing was saved; try again."
    )


async def _foreseen(
    database: db.Database, directory: str, edit: MappingEdit, moment: Moment, *, is_confirmed: bool
) -> Inputs | None:
    """Return what the effect of a large save follows from, once that effect was found to be good.

    Found without the lock, since it takes seconds. None for a save that is small, or that insists
    on no effect and takes nothing from anybody. Raises StaleMappingError, BadMappingError.
    """
    async with database.reading() as tx:
        found = await directories.find(tx, directory)
        edited = await _edited(tx, found, edit)
        users = await rollouts.count_users(tx, found.id, edited.concerned)
        if users <= settling.MOST_AT_ONCE:
            return None
        inputs = await _at_stake(tx, found, edit, edited)
        if inputs is not None:
            before = await _before(tx, found, is_confirmed=is_confirmed)
            await _accept(tx, edit, await _shown(tx, found, edited, moment), before)
        return inputs


async def _at_stake(
    tx: db.Connection, directory: Directory, edit: MappingEdit, edited: Edited
) -> Inputs | None:
    """Return what must not change between looking at a save's effect and saving, if anything."""
    if edit.effect is None and not edited.can_take:
        return None
    return await rollouts.inputs(tx, directory.id, edited.concerned)


async def _replace(tx: db.Connection, edited: Edited, moment: Moment) -> None:
    after = edited.directory
    await mappings.replace(tx, after, [(row.group.id, row.role.key) for row in edited.rows])
    await outgoing.append_saved(tx, after, await _saved(tx, edited, moment.cause), moment)


async def _roll_out(tx: db.Connection, edited: Edited, moment: Moment, users: int) -> None:
    directory = edited.directory
    if await rollouts.count(tx, directory.id) >= _MOST_WAITING:
        raise StaleMappingError(
            f"The last {_MOST_WAITING} saves have not reached everybody yet. Nothing was saved; "
            "try again once they have."
        )
    await rollouts.insert(
        tx,
        Rollout(
            directory.id,
            moment,
            edited.change,
            users,
            groups=edited.concerned,
            is_resyncing=directory.is_resyncing,
        ),
    )


async def _settle(
    tx: db.Connection, before: _Before, edit: MappingEdit, edited: Edited, moment: Moment
) -> None:
    """Settle everybody whom an edit concerns, here and now.

    Raises StaleMappingError, BadMappingError.
    """
    happened = Preview()
    async for chunk in _remapped(tx, edited.directory, edited, moment):
        for user, told in chunk.changes:
            happened.add(user, told)
        after = [one for _, told in chunk.changes for one in told]
        await settling.settled(tx, chunk.part, chunk.pending, [*chunk.caught_up, *after])
    await _accept(tx, edit, happened, before)


async def _accept(tx: db.Connection, edit: MappingEdit, happens: Preview, before: _Before) -> None:
    """Refuse what was not meant. Raises StaleMappingError, BadMappingError."""
    await _check_losses(tx, edit, happens.emptied(before.holders))
    is_shown = edit.effect is not None or before.is_confirmed
    if not is_shown and before.fence.is_too_much_at_once(happens.taken):
        assigned = before.fence.assigned
        raise BadMappingError(
            f"This takes {happens.taken:,} of {assigned:,} assignments away at once. Nothing "
            "was saved. If it is meant, preview it, and save it with the `effect` of the preview."
        )
    if edit.effect not in {None, happens.effect}:
        raise StaleMappingError(
            "The directory changed since the preview: what was shown is not what would "
            "happen. Nothing was saved; preview it again."
        )


async def _stored(tx: db.Connection, directory: Directory) -> management.Mapping:
    default = directory.default_role
    return management.Mapping(
        directory_id=directory.id,
        version=directory.mapping_version,
        rows=await mappings.rows(tx, directory.id),
        strategy=directory.strategy,
        default_role=edits.ref(await _declared(tx), default) if default else None,
        enabled=directory.is_mapping_on,
        kept=await manual.kept(tx, directory.id),
        applying=await rollouts.progress(tx, directory.id),
    )


async def _declared(tx: db.Connection) -> edits.Roles:
    return {role.key: role for role in await mappings.catalogue(tx)}


async def _saved(tx: db.Connection, edited: Edited, cause: Cause) -> MappingSaved:
    after = edited.directory
    default = after.default_role
    return MappingSaved(
        cause=cause,
        version=after.mapping_version,
        rows=[*edited.rows],
        strategy=after.strategy,
        default_role=edits.ref(await _declared(tx), default) if default else None,
        enabled=after.is_mapping_on,
    )


async def _privileged(tx: db.Connection, directory: Directory) -> dict[RoleKey, int]:
    """Return how many users hold each privileged role that anybody holds."""
    privileged = [key for key, role in (await _declared(tx)).items() if role.privileged]
    return await mappings.holders(tx, directory.id, privileged)


async def _named(tx: db.Connection, keys: Sequence[RoleKey]) -> list[RoleRef]:
    roles = await _declared(tx)
    return [edits.ref(roles, key) for key in keys]


async def _check_losses(tx: db.Connection, edit: MappingEdit, emptied: Sequence[RoleKey]) -> None:
    """Refuse to take a privileged role from everybody unless it was said twice."""
    lost = await _named(tx, [key for key in emptied if key not in edit.losses])
    if lost:
        names = " and ".join(role.name for role in lost)
        raise BadMappingError(
            f"Nobody in this directory would hold {names} any more, which is privileged. Nothing "
            "was saved. Keep a row that grants it; or, if that is meant, say so a second time "
            "(`losses` names it).",
            {"losses": [role.model_dump(mode="json", by_alias=True) for role in lost]},
        )


async def _edited(tx: db.Connection, directory: Directory, edit: MappingEdit) -> Edited:
    stored, roles = await _stored(tx, directory), await _declared(tx)
    kept = [row.group_id for row in stored.rows]
    wanted = [row.group_id for row in edit.rows]
    known = await directories.group_refs(tx, directory.id, wanted, kept)
    if edit.version != stored.version:
        raise differences.stale(edits.as_mapping(stored, edit, known, roles), stored)
    return edits.check(directory, edit, stored, known, roles)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some of those whom an edit concerns, after it: what follows for each, and what came before.

    `caught_up` is what earlier saves bring about, which had not reached them.
    """

    part: Working
    pending: Pending
    caught_up: list[Told]
    changes: list[tuple[UserRef, list[Told]]]


async def _remapped(
    tx: db.Connection, directory: Directory, edited: Edited, moment: Moment
) -> AsyncIterator[_Chunk]:
    """Yield what the edit does to everybody whom it may concern.

    In chunks, so that a large group neither holds the event loop nor outgrows a statement.
    """
    last: UserId | None = None
    while users := await rollouts.behind(tx, directory.id, edited.concerned, last, _USERS_AT_ONCE):
        last = users[-1]
        part, pending = await settling.part(tx, directory, users)
        caught_up = [told for user in users for told in pending.catch_up(part, user)]
        changes = [
            (part.users[user], remap(part, part.users[user], edited.change, moment))
            for user in sorted(part.users)
        ]
        yield _Chunk(part, pending, caught_up, changes)


async def _shown(
    tx: db.Connection, directory: Directory, edited: Edited, moment: Moment, most: int = 0
) -> Preview:
    """Return what the edit would do, with the names of `most` users."""
    shown = Preview(most)
    async for chunk in _remapped(tx, directory, edited, moment):
        for user, told in chunk.changes:
            shown.add(user, told)
    return shown
