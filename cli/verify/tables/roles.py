"""What roles learned from the events, what it was told to map, and what it stores of it."""

from collections.abc import Sequence

from cli.verify import rows
from cli.verify.cuts import DIRECTORY, Roles, Standing
from cli.verify.rows import Assignment, Holding, Options
from cli.verify.tables import reading
from shared import db
from shared.contracts.topics import ROLE_STATE

_COUNTERS = """
select directory_id, generation, sequence from directory_sequences
where directory_id = any($1::uuid[])
"""
_DIRECTORIES = """
select id as directory_id, mapping_version, resyncing, strategy, default_role, mapping_on,
       history_from, unsettled
from directories
where id = any($1::uuid[])
"""
_USERS = """
select directory_id, id, user_name, external_id, active
from users where directory_id = any($1::uuid[])
"""
_GROUPS = """
select directory_id, id, display_name, external_id, deleted
from groups where directory_id = any($1::uuid[])
"""
_MEMBERSHIPS = """
select directory_id, group_id, user_id from memberships where directory_id = any($1::uuid[])
"""
_MAPPINGS = """
select directory_id, group_id, role_key from mappings where directory_id = any($1::uuid[])
order by directory_id, position
"""
_HELD = """
select directory_id, user_id, role_key, reason, since, cause, waits is not null as waits
from assignments where directory_id = any($1::uuid[])
"""
_BY_HAND = """
select directory_id, user_id, role_key from manual_assignments where directory_id = any($1::uuid[])
"""
_HISTORY = """
select h.directory_id, h.generation, h.sequence, h.user_id, h.role_key, h.role_name, h.held, h.at,
       h.reason, h.cause
from assignment_history as h
where h.directory_id = any($1::uuid[]) and h.generation > 0
order by h.directory_id, h.generation, h.sequence
"""
_PENDING = f"""
select directory_id, key from outbox
where directory_id = any($1::uuid[]) and topic = '{ROLE_STATE.name}'
"""

_FENCES = """
select directory_id, assigned, waiting from fences
where directory_id = any($1::uuid[]) and assigned is not null
"""
_UNSETTLED = "select count(*) from directories where id = any($1::uuid[]) and unsettled"


async def count_unsettled(database: db.Database, directories: Sequence[str]) -> int:
    """Return in how many of these directories a save has not reached everybody yet."""
    async with database.connection() as connection:
        return int(await connection.fetchval(_UNSETTLED, list(directories)))


async def cut(
    database: db.Database, directories: Sequence[str], lane: int
) -> tuple[dict[str, Roles], dict[str, int]]:
    """Return these directories, and the offsets that are read next."""
    async with reading.snapshot(database) as connection:
        at = await reading.standings(connection, directories)
        found = {one: Roles(at.get((DIRECTORY, one), Standing())) for one in directories}
        await reading.fill(connection, found, _TAKERS)
        return found, await reading.offsets(connection, lane)


def _counter(one: Roles, row: db.Record) -> None:
    one.reached = reading.reached(row)


def _directory(one: Roles, row: db.Record) -> None:
    one.mapping_version, one.is_resyncing = row["mapping_version"], row["resyncing"]
    one.options = Options(row["strategy"], row["default_role"], row["mapping_on"])
    one.history_from = (1, row["history_from"])
    one.is_unsettled = row["unsettled"]


def _user(one: Roles, row: db.Record) -> None:
    one.users[row["id"]] = rows.digest(row["user_name"], row["external_id"], row["active"])


def _group(one: Roles, row: db.Record) -> None:
    one.groups[row["id"]] = rows.digest(row["display_name"], row["external_id"]), row["deleted"]


def _membership(one: Roles, row: db.Record) -> None:
    one.edges.add((row["group_id"], row["user_id"]))


def _mapping(one: Roles, row: db.Record) -> None:
    one.mapping.append((row["group_id"], row["role_key"]))


def _held(one: Roles, row: db.Record) -> None:
    reason, cause = row["reason"], rows.digest(rows.act(row["cause"]))
    holding = Holding(rows.granting(reason), row["since"], cause, row["waits"])
    one.held[row["user_id"], row["role_key"]] = holding


def _fence(one: Roles, row: db.Record) -> None:
    one.fenced = row["assigned"], row["waiting"]


def _by_hand(one: Roles, row: db.Record) -> None:
    one.by_hand.add((row["user_id"], row["role_key"]))


def _past(one: Roles, row: db.Record) -> None:
    held, place = (row["user_id"], row["role_key"]), (row["generation"], row["sequence"])
    if row["held"]:
        told = rows.told(row["role_name"], row["reason"], row["cause"], row["at"])
        one.open[held] = (*held, *place)
        one.history[*held, *place] = Assignment(told, None)
    elif begun := one.open.pop(held, None):
        one.history[begun] = one.history[begun]._replace(ended_at=row["at"])


def _pending(one: Roles, row: db.Record) -> None:
    one.pending.add(row["key"].rpartition("/")[2])


_TAKERS = {
    _COUNTERS: _counter,
    _DIRECTORIES: _directory,
    _USERS: _user,
    _GROUPS: _group,
    _MEMBERSHIPS: _membership,
    _MAPPINGS: _mapping,
    _HELD: _held,
    _FENCES: _fence,
    _BY_HAND: _by_hand,
    _HISTORY: _past,
    _PENDING: _pending,
}
