"""Measure whether the cost of a call grows with the directory, or with the group.

    python -m benchmarks.directory_size [--users 100000] [--members 50000] [--rounds 5]

A small directory (1,000 users, a group of 100) and a large one (100,000 users, 10,000 groups, one
of 50,000 members) in the same ingest are measured in turn. They are filled by SQL: so many
requests would measure something else.
"""

import asyncio
from collections.abc import Mapping

import asyncpg
import click
from rich.console import Console
from rich.table import Table

from benchmarks import measure, rig
from benchmarks.http_client import Target
from benchmarks.measure import Result, median
from benchmarks.rig import Ingest
from benchmarks.scenarios import (
    Population,
    Scenario,
    get,
    lookup,
    member_add,
    member_remove,
    user,
)
from services.ingest.scim import normalize
from services.ingest.scim.definitions import GROUP, USER
from shared import db

_SMALL = (1000, 100, 100)
_USERS = """
insert into users (directory_id, id, name_key, external_id, document, display_key, email_keys,
                   created_at, updated_at)
select $1, gen_random_uuid(), name, 'ext-' || name, jsonb_set($2, '{userName}', to_jsonb(name)),
       name, array[name], now(), now()
from (select 'u' || n || '@example.com' as name from generate_series(1, $3) as n) as named
returning id, name_key
"""
_GROUPS = """
insert into groups (directory_id, id, name_key, document, created_at, updated_at)
select $1, gen_random_uuid(), name, jsonb_set($2, '{displayName}', to_jsonb(name)), now(), now()
from (select 'group ' || n as name from generate_series(1, $3) as n) as named
returning id
"""
_MEMBERS = """
insert into memberships (directory_id, group_id, user_id) select $1, $2, unnest($3::uuid[])
"""


_CALLS: Mapping[str, tuple[Scenario, int, int]] = {
    "lookup": (lookup, 16, 1000),
    "get": (get, 16, 1000),
    "add a member": (member_add, 1, 100),
    "remove a member": (member_remove, 1, 100),
}


async def fill(ingest: Ingest, target: Target, users: int, groups: int, members: int) -> Population:
    """Return a directory that holds so many users and groups, one group of so many members."""
    directory = target.base_url.rpartition("/")[2]
    population = Population(target, target.name)
    async with db.connect(ingest.dsn, "ingest") as database, database.transaction() as tx:
        await tx.execute("set local statement_timeout = 0")
        document = normalize.resource(USER, user("x", 1))
        rows = await tx.fetch(_USERS, directory, document, users, timeout=300)
        population.users = [(row["id"], row["name_key"]) for row in rows]
        named = normalize.resource(GROUP, {"displayName": "x"})
        made = await tx.fetch(_GROUPS, directory, named, groups, timeout=300)
        population.group, population.inside = made[0]["id"], members
        inside = [key for key, _ in population.users[:members]]
        await tx.execute(_MEMBERS, directory, population.group, inside, timeout=300)
    connection = await asyncpg.connect(ingest.dsn)
    await connection.execute("vacuum analyze ingest.users, ingest.groups, ingest.memberships")
    await connection.close()
    return population


async def compare(rounds: int, users: int, members: int) -> None:
    """Measure both directories and print the table."""
    async with rig.backend() as backend, rig.ingest(backend) as ingest:
        small = await fill(ingest, await ingest.target("small"), *_SMALL)
        await _measure(ingest, {"small": small}, 1)
        before = measure.memory_mib(ingest.pids["ingest"])
        large = await fill(ingest, await ingest.target("large"), users, users // 10, members)
        results = await _measure(ingest, {"small": small, "large": large}, rounds)
        after = measure.memory_mib(ingest.pids["ingest"])
    _print(results, f"memory of ingest: {before:.0f} MiB, then {after:.0f} MiB")


async def _measure(
    ingest: Ingest, directories: Mapping[str, Population], rounds: int
) -> dict[tuple[str, str], list[Result]]:
    results: dict[tuple[str, str], list[Result]] = {}
    for _ in range(rounds):
        for name, (make, workers, calls) in _CALLS.items():
            for size, population in directories.items():
                result = await measure.measure(
                    population, make, calls=calls, workers=workers, pids=ingest.pids
                )
                results.setdefault((name, size), []).append(result)
    return results


def _print(results: Mapping[tuple[str, str], list[Result]], memory: str) -> None:
    table = Table(title="a large directory beside a small one")
    for heading in ("call", "rate", "large", "ratio", "p50 ms", "large", "ratio", "not 2xx"):
        table.add_column(heading, justify="left" if heading == "call" else "right")
    for name in _CALLS:
        small, large = results[name, "small"], results[name, "large"]
        rates = [median(each, lambda one: one.rate) for each in (small, large)]
        halves = [median(each, lambda one: one.at(0.5)) for each in (small, large)]
        refused = sum(sum(one.refused.values()) for one in (*small, *large))
        table.add_row(
            name,
            *(f"{rate:,.0f}" for rate in rates),
            f"{rates[1] / rates[0]:.2f}",
            *(f"{half:.2f}" for half in halves),
            f"{halves[1] / halves[0]:.2f}",
            str(refused),
        )
    console = Console(width=100)
    console.print(table)
    console.print(memory, highlight=False)


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--users", default=100_000, show_default=True)
@click.option("--members", default=50_000, show_default=True)
def main(rounds: int, users: int, members: int) -> None:
    """Compare a large directory with a small one."""
    asyncio.run(compare(rounds, users, members))


if __name__ == "__main__":
    main()
