"""What operators did by hand, recorded in the transaction that does it."""

from collections.abc import Awaitable, Callable, Mapping

from shared import db
from shared.contracts.ids import DirectoryId
from shared.contracts.management import AuditRecord

_RECORD = """
insert into audit_records (actor, act, directory_id, facts) values ($1, $2, $3, $4)
"""
_PAGE = """
select id, at, actor, act, directory_id, facts from audit_records
where id > $1 order by id limit $2
"""


async def record(
    tx: db.Connection,
    actor: str,
    act: str,
    directory: DirectoryId | None,
    facts: Mapping[str, object],
) -> None:
    """Record an act, named `subject.past_verb` as in the log; facts hold ids and numbers alone."""
    await tx.execute(_RECORD, actor, act, directory, dict(facts))


def calls(database: db.Database) -> Callable[[str, Mapping[str, object]], Awaitable[None]]:
    """Return what records calls of an API, each before it is done."""

    async def note(actor: str, facts: Mapping[str, object]) -> None:
        async with database.transaction() as tx:
            await record(tx, actor, "api.called", None, facts)

    return note


async def page(connection: db.Connection, after: int, most: int) -> list[AuditRecord]:
    """Return the records that follow one by their numbers, `most` of them.

    A record whose transaction is still open may appear before the ones that were read last: who
    exports begins a little earlier each time, and knows records by their number.
    """
    rows = await connection.fetch(_PAGE, after, most)
    return [AuditRecord.model_validate(dict(row)) for row in rows]
