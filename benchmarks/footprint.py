"""Measure what a user takes in Postgres, by service, and what an event takes in Kafka.

    python -m benchmarks.footprint [--users 2000] [--groups 20]

OneLogin sends a company to a system of its own, each user in one to three groups; then all groups
are mapped to one role. Tables are counted with their indexes, less what empty ones take; the
request log apart, since it is kept for days only; topics by what is in their segments.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import click
from rich.console import Console
from rich.table import Table

from cli.simulate import people
from shared import kafka
from shared.contracts.topics import DIRECTORY_EVENTS, LANES, ROLE_EVENTS, ROLE_STATE
from tests.support.system import Outcome, System, running
from tests.support.waiting import eventually

_SIZES = """
select case when relname ~ '^requests' then 'request log' else nspname end as part,
       sum(pg_total_relation_size(c.oid))::bigint as bytes
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and nspname !~ '^pg_' and nspname <> 'information_schema'
group by part
"""
_TOPICS = (DIRECTORY_EVENTS.name, ROLE_EVENTS.name, ROLE_STATE.name)
_NAME = "Globex"
_SIMULATED_WITHIN_S = 1200
_SETTLED_WITHIN_S = 300


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes of each part of Postgres, bytes of each topic."""

    postgres: Mapping[str, int]
    kafka: Mapping[str, int]

    def less(self, before: "Taken") -> "Taken":
        """Return what came since."""
        return Taken(
            {part: size - before.postgres.get(part, 0) for part, size in self.postgres.items()},
            {topic: size - before.kafka[topic] for topic, size in self.kafka.items()},
        )


async def _taken(system: System) -> Taken:
    connection = await asyncpg.connect(system.run["postgres"]["ingest"])
    try:
        rows = await connection.fetch(_SIZES)
    finally:
        await connection.close()
    topics = {topic: _segments(system.data, topic) for topic in _TOPICS}
    return Taken({row["part"]: row["bytes"] for row in rows}, topics)


def _segments(folder: Path, topic: str) -> int:
    return sum(file.stat().st_size for file in folder.glob(f"kafka/**/{topic}-*/*.log"))


async def _done(system: System, *arguments: str) -> Outcome:
    found = await system.rollcall(*arguments, "--json", within_s=_SIMULATED_WITHIN_S)
    if found.code:
        raise click.ClickException(found.errors or found.output)
    return found


async def _records(system: System) -> Mapping[str, int]:
    """Return how many records each topic holds, once nothing is on its way."""
    await eventually(lambda: _has_settled(system), within_s=_SETTLED_WITHIN_S)
    places = [(topic, lane) for topic in _TOPICS for lane in range(LANES)]
    async with kafka.reader(system.run["kafka"], (), past=True) as reader:
        bounds = await reader.log_bounds(places)
    counts = dict.fromkeys(_TOPICS, 0)
    for (topic, _), (start, end) in bounds.items():
        counts[topic] += end - start
    return counts


async def _has_settled(system: System) -> bool:
    return (await system.rollcall("verify", within_s=_SETTLED_WITHIN_S)).code == 0


async def _company(system: System, users: int, groups: int) -> Taken:
    """Let OneLogin send a company, map its groups to one role; return what that takes."""
    made = (await _done(system, "directories", "create", _NAME, "--provider", "onelogin")).json
    await _done(system, "roles", "declare", "member", "--name", "Member")
    before = await _taken(system)
    to = ("--endpoint", made["endpoint"], "--token", made["token"])
    await _done(system, "simulate", "onelogin", *to, f"--users={users}", f"--groups={groups}")
    rows = [f"{name}=member" for name in people.group_names(groups)]
    await _done(system, "mapping", "set", _NAME, *rows)
    await eventually(lambda: _has_settled(system), within_s=_SETTLED_WITHIN_S)
    return (await _taken(system)).less(before)


async def _measure(users: int, groups: int) -> tuple[Taken, Mapping[str, int]]:
    with tempfile.TemporaryDirectory(prefix="rollcall-footprint-") as folder:
        async with running(Path(folder)) as system:
            taken = await _company(system, users, groups)
            return taken, await _records(system)


def _tables(users: int, taken: Taken, records: Mapping[str, int]) -> Iterator[Table]:
    bytes_of = Table("in Postgres", "bytes a user", title=f"{users} users")
    for part, size in sorted(taken.postgres.items()):
        bytes_of.add_row(part, f"{size / users:,.0f}")
    yield bytes_of
    of_events = Table("in Kafka", "records a user", "bytes a record", "bytes a user")
    for topic, count in records.items():
        size = taken.kafka[topic]
        of_events.add_row(
            topic, f"{count / users:.1f}", f"{size / count:,.0f}", f"{size / users:,.0f}"
        )
    yield of_events


@click.command()
@click.option("--users", default=2000, show_default=True)
@click.option("--groups", default=20, show_default=True)
def main(users: int, groups: int) -> None:
    """Measure, and print two tables."""
    taken, records = asyncio.run(_measure(users, groups))
    for table in _tables(users, taken, records):
        Console().print(table)


if __name__ == "__main__":
    main()
