"""What operators did by hand, recorded in the transaction that does it."""

from collections.abc import Mapping

from shared import db
from shared.contracts.ids import DirectoryId

_RECORD = """
insert into audit_records (actor, act, directory_id, facts) values ($1, $2, $3, $4)
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
