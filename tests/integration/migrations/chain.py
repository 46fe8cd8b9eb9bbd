"""The migrations of a service in the order in which they came to be, each with rows of its time.

`order.txt` has every migration of every package, oldest first. `rows/<migration>` fills what that
migration made, as the code of that version did; its line `-- changes TABLE.COLUMN: why` names what
the migration itself alters in rows that were there.
"""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from services.projector.usecases.versions import REGISTRY
from shared import db
from tests.support.servers import Databases, Servers, fresh_database

HERE = Path(__file__).parent
ORDER = HERE / "order.txt"
ROWS = HERE / "rows"
PACKAGES = {
    "ingest": ("shared", "services.ingest"),
    "roles": ("shared", "services.roles"),
    "projector": ("shared", "services.projector", REGISTRY),
    "portal": ("shared", "services.portal"),
}
_CHANGES = re.compile(r"^-- changes (\w+)\.(\w+): \S", re.MULTILINE)
_TABLES = """
select c.relname from pg_class as c
where c.relnamespace = current_schema()::text::regnamespace and c.relkind = 'r'
  and c.relname <> 'migrations'
order by 1
"""
_COLUMNS = """
select attname from pg_attribute
where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = ''
order by attnum
"""
_SHAPE = """
select concat_ws(' ', table_schema || '.' || table_name || '.' || column_name, data_type,
  is_nullable, column_default, collation_name)
from information_schema.columns where table_schema = any($1::text[])
union all
select schemaname || '.' || tablename || ': ' || indexdef
from pg_indexes where schemaname = any($1::text[])
union all
select n.nspname || '.' || r.relname || ': ' || c.conname || ' ' || pg_get_constraintdef(c.oid)
from pg_constraint as c
join pg_class as r on r.oid = c.conrelid join pg_namespace as n on n.oid = r.relnamespace
where n.nspname = any($1::text[])
"""

Column = tuple[str, str]
Contents = dict[str, Counter[str]]
"""The rows of each table, as JSON text."""


def order() -> list[str]:
    """Return the names of all migrations, oldest first."""
    return ORDER.read_text(encoding="utf-8").split()


def known(service: str) -> list[db.Migration]:
    """Return the migrations of a service, package by package."""
    return [step for package in PACKAGES[service] for step in db.migrations_of(package)]


def steps(service: str) -> list[db.Migration]:
    """Return the migrations of a service, oldest first."""
    by_name = {step.name: step for step in known(service)}
    return [by_name[name] for name in order() if name in by_name]


def split(service: str, name: str) -> tuple[list[db.Migration], db.Migration, list[db.Migration]]:
    """Return what came before a migration, itself, and what came after it."""
    found = steps(service)
    place = [step.name for step in found].index(name)
    return found[:place], found[place], found[place + 1 :]


def names_before(service: str, name: str) -> list[str]:
    """Return the names of what came before a migration."""
    return [step.name for step in split(service, name)[0]]


def rows(step: db.Migration) -> str:
    """Return the rows of the time after a migration."""
    return (ROWS / step.name).read_text(encoding="utf-8")


def changes(later: Sequence[db.Migration]) -> set[Column]:
    """Return the columns whose values these migrations alter on purpose."""
    return {(found[1], found[2]) for step in later for found in _CHANGES.finditer(rows(step))}


@dataclass(frozen=True, slots=True)
class Old:
    """A service's database as a version left it."""

    service: str
    databases: Databases

    def schema(self, step: db.Migration, applied: Sequence[db.Migration]) -> str:
        """Return where a migration belongs: since there are versions, to the first of them."""
        has_versions = any(one.name.startswith(REGISTRY) for one in applied)
        of_a_version = has_versions and not step.name.startswith(REGISTRY)
        return "rm_1" if of_a_version else self.service

    async def grow(self, chain: Sequence[db.Migration]) -> None:
        """Migrate step by step, filling what each step made."""
        for number, step in enumerate(chain):
            await self.grow_by(step, chain[:number])

    async def grow_by(self, step: db.Migration, applied: Sequence[db.Migration]) -> None:
        """Apply one migration, and fill what it made."""
        async with self._at(step, applied) as database:
            await db.apply(database, [step])
            async with database.transaction() as tx:
                await tx.execute(rows(step))
                await self._show(tx, step, applied)

    async def migrate(self, step: db.Migration, applied: Sequence[db.Migration]) -> None:
        """Apply one migration."""
        async with self._at(step, applied) as database:
            assert await db.apply(database, [step]) == [step.name]

    async def fill(self, step: db.Migration, applied: Sequence[db.Migration]) -> None:
        """Insert the rows of the time after a migration."""
        async with self._at(step, applied) as database, database.transaction() as tx:
            await tx.execute(rows(step))

    async def _show(
        self, tx: db.Connection, step: db.Migration, applied: Sequence[db.Migration]
    ) -> None:
        """Let the live version be seen with what a migration added to it, as the command does."""
        if self.schema(step, applied) != self.service:
            await tx.execute("update projector.live_read_model set version = version")

    def _at(
        self, step: db.Migration, applied: Sequence[db.Migration]
    ) -> AbstractAsyncContextManager[db.Database]:
        return db.connect(self._url, self.schema(step, applied), max_size=1)

    async def columns(self, schema: str) -> dict[str, list[str]]:
        """Return the columns of each table, those aside that Postgres computes."""
        async with (
            db.connect(self._url, schema, max_size=1) as database,
            database.connection() as c,
        ):
            return {
                row["relname"]: [one["attname"] for one in await c.fetch(_COLUMNS, row["relname"])]
                for row in await c.fetch(_TABLES)
            }

    async def contents(self, columns: dict[str, list[str]]) -> Contents:
        """Return what the service sees in these columns, under the name of its schema."""
        found: Contents = {}
        async with (
            db.connect(self._url, self.service, max_size=1) as database,
            database.connection() as connection,
        ):
            for table, names in columns.items():
                listed = ", ".join(f'"{name}"' for name in names)
                query = f'select to_jsonb(t)::text from (select {listed} from "{table}") as t'
                found[table] = Counter(row[0] for row in await connection.fetch(query))
        return found

    async def blanks(self, schema: str) -> list[str]:
        """Return the columns in which no row has a value."""
        async with (
            db.connect(self._url, schema, max_size=1) as database,
            database.connection() as c,
        ):
            return [
                f"{table}.{name}"
                for table, names in (await self.columns(schema)).items()
                for name in names
                if not await c.fetchval(f'select count("{name}") from "{table}"')  # as above
            ]

    async def shape(self) -> set[str]:
        """Return columns, indexes and constraints of the service's schemas.

        Not of audit records in a version of the read models: what operators did concerns all
        versions and is kept beside them, so whether a version has such a table does not matter.
        """
        async with (
            db.connect(self._url, self.service, max_size=1) as database,
            database.connection() as connection,
        ):
            found = await connection.fetch(_SHAPE, [self.service, "rm_1"])
        return {row[0] for row in found if not row[0].startswith("rm_1.audit_records")}

    @property
    def _url(self) -> str:
        return self.databases.of(self.service)


@dataclass(frozen=True, slots=True)
class Nursery:
    """Filled databases of each version, made once, each out of the one before; copy them."""

    servers: Servers
    stack: AsyncExitStack
    grown: dict[tuple[str, int], Databases] = field(default_factory=dict)

    async def after(self, service: str, applied: Sequence[db.Migration]) -> Databases:
        """Return a service's database after these first migrations."""
        place = (service, len(applied))
        if place not in self.grown:
            before = await self.after(service, applied[:-1]) if applied else None
            made = await self.stack.enter_async_context(fresh_database(self.servers, before))
            if applied:
                await Old(service, made).grow_by(applied[-1], applied[:-1])
            self.grown[place] = made
        return self.grown[place]
