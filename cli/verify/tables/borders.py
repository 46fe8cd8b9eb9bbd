"""C8: SQL that looks for ids of one directory among the rows of another."""

from shared import db

_TIMEOUT_S = 130
_SHARED = """
select id, min(directory_id::text) as directory, max(directory_id::text) as other from {table}
group by id having count(distinct directory_id) > 1 order by id limit 1
"""
_FOREIGN = """
select {column} as id, t.directory_id as directory, o.directory_id as other
from {table} as t join {owners} as o on o.id = t.{column} and o.directory_id <> t.directory_id
order by 1 limit 1
"""
_CHECKS = {
    "ingest": {
        "users": _SHARED.format(table="users"),
        "groups": _SHARED.format(table="groups"),
    },
    "roles": {
        "users": _SHARED.format(table="users"),
        "groups": _SHARED.format(table="groups"),
        "memberships of users": _FOREIGN.format(
            table="memberships", column="user_id", owners="users"
        ),
        "memberships of groups": _FOREIGN.format(
            table="memberships", column="group_id", owners="groups"
        ),
        "mappings": _FOREIGN.format(table="mappings", column="group_id", owners="groups"),
        "assignments": _FOREIGN.format(table="assignments", column="user_id", owners="users"),
    },
    "projector": {
        "users": _SHARED.format(table="users"),
        "groups": _SHARED.format(table="groups"),
        "memberships of users": _FOREIGN.format(
            table="memberships", column="user_id", owners="users"
        ),
        "memberships of groups": _FOREIGN.format(
            table="memberships", column="group_id", owners="groups"
        ),
        "assignments": _FOREIGN.format(table="assignments", column="user_id", owners="users"),
    },
}


async def crossed(database: db.Database, service: str) -> list[tuple[str, str]]:
    """Return each crossing of a border in a service: the directory, and what stands there."""
    found: list[tuple[str, str]] = []
    async with database.transaction() as tx:
        await tx.execute("set local statement_timeout = '120s'")
        for table, sql in _CHECKS[service].items():
            row = await tx.fetchrow(sql, timeout=_TIMEOUT_S)
            if row:
                words = f"{table} in {service}: {row['id']} belongs to directory {row['other']} too"
                found.append((row["directory"], words))
    return found
