"""Postgres and the oracle in Python mean the same: filters, order, and how text compares."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from services.ingest.domain.resources import Resource
from services.ingest.scim import filter as filters
from services.ingest.scim import messages
from services.ingest.scim.cursor import Position
from services.ingest.scim.folding import LOWER, folded
from services.ingest.scim.schema import ResourceType, path_text
from services.ingest.scim.search import SearchRequest
from services.ingest.store import memberships, resources
from services.ingest.usecases import reading
from shared import db
from shared.contracts.ids import DirectoryId, GroupId, GroupKey
from tests.integration.ingest.resources import (
    GROUP,
    ODD_USER,
    TEXTS,
    TYPES,
    documents,
    near,
    searches,
    sort_value,
    sortable,
)
from tests.support.servers import Databases

DIRECTORY = DirectoryId(str(uuid.uuid4()))
BASE = "https://rollcall.test/scim/v2/d"
_NOW = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
_ORGANIZATION = """
insert into organizations (id, name, created_at) values ($1, 'Acme', now())
"""
_DIRECTORY = """
insert into directories (id, organization_id, name, provider, created_at)
values ($1, $1, 'Acme', 'generic', now())
"""
thorough = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    # Populations are small as they are; making them smaller takes minutes.
    phases=[Phase.reuse, Phase.generate],
)


@pytest.fixture(scope="module")
async def database(databases: Databases) -> AsyncIterator[db.Database]:
    async with db.connect(databases.ingest, "ingest") as found:
        await db.migrate(found, ["shared", "services.ingest"])
        async with found.transaction() as tx:
            await tx.execute(_ORGANIZATION, DIRECTORY)
            await tx.execute(_DIRECTORY, DIRECTORY)
        yield found


@dataclass(frozen=True, slots=True)
class Population:
    """Users and groups, and the ids of the users in each group."""

    everybody: list[Resource]
    members: dict[str, list[str]]

    def __repr__(self) -> str:
        # What hypothesis prints of a failure; a resource type is a book.
        return str([(each.type.name, each.id, each.document) for each in self.everybody])

    def related(self, each: Resource) -> list[tuple[str, str]]:
        wanted = {group for group, users in self.members.items() if each.id in users}
        wanted |= set(self.members.get(each.id, []))
        return sorted((other.id, other.name) for other in self.everybody if other.id in wanted)

    def whole(self, kind: ResourceType) -> list[dict]:
        """Return the resources of a type as they leave."""
        return [
            each.representation(BASE, messages.related(kind, self.related(each), BASE))
            for each in self.everybody
            if each.type is kind
        ]


@asynccontextmanager
async def _undone(database: db.Database, population: Population) -> AsyncIterator[db.Connection]:
    """Yield a connection that sees a population which is never committed."""
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            for each in population.everybody:
                await resources.insert(connection, each)
            for group, members in population.members.items():
                await memberships.add(connection, GroupKey(DIRECTORY, GroupId(group)), members)
            yield connection
        finally:
            await transaction.rollback()


@st.composite
def populations(draw) -> Population:
    """Draw users and groups with names of their own, and who is in which group."""
    drawn = [_resource(draw, each) for each in [ODD_USER] * draw(st.integers(1, 4)) + [GROUP] * 2]
    named = list({(each.type.name, each.name_key): each for each in drawn}.values())
    users = [each.id for each in named if each.type is ODD_USER]
    members = st.lists(st.sampled_from(users), unique=True).map(sorted)
    return Population(named, {each.id: draw(members) for each in named if each.type is GROUP})


def _resource(draw, resource_type) -> Resource:
    moment = _NOW + draw(st.sampled_from([timedelta(0), timedelta(milliseconds=1), timedelta(1)]))
    key = str(draw(st.uuids(version=4)))
    return Resource(resource_type, DIRECTORY, key, draw(documents(resource_type)), 1, _NOW, moment)


class _One:
    """A database that is one connection, inside a transaction."""

    def __init__(self, tx: db.Connection) -> None:
        self.tx = tx

    async def __aenter__(self) -> db.Connection:
        return self.tx

    async def __aexit__(self, *_: object) -> None:
        pass

    def connection(self) -> "_One":
        return self


async def _found(
    tx: db.Connection, types: list, request: SearchRequest, after: Position | None = None
) -> reading.Page:
    return await reading.search(_One(tx), DIRECTORY, types, request, after)


@thorough
@given(
    populations(),
    st.lists(searches(ODD_USER), min_size=4, max_size=4),
    searches(GROUP),
    st.integers(0, 999),
)
async def test_a_filter_in_postgres_selects_what_the_oracle_does(
    database: db.Database, population: Population, of_users: list, of_groups, seed: int
) -> None:
    random = Random(seed)  # noqa: S311  # which values to aim at is no secret
    async with _undone(database, population) as connection:
        for kind, trees in ((ODD_USER, of_users), (GROUP, [of_groups])):
            documents = population.whole(kind)
            for tree in [*trees, *(near(documents, kind, random) for _ in range(12))]:
                text = filters.render(tree)
                note(text)

                page = await _found(connection, [kind], SearchRequest(filter=text))

                assert {each.resource.id for each in page.found} == {
                    each["id"] for each in documents if filters.matches(tree, each, kind)
                }


@thorough
@given(populations())
async def test_a_page_holds_groups_and_members_as_stored(
    database: db.Database, population: Population
) -> None:
    async with _undone(database, population) as connection:
        page = await _found(connection, list(TYPES.values()), SearchRequest())

    assert {each.resource.id: each.related for each in page.found} == {
        each.id: [list(pair) for pair in population.related(each)] for each in population.everybody
    }


def _ordered(documents: list[tuple], path: str, *, is_descending: bool) -> list[str]:
    """Return the ids in order: what is missing comes last ascending, first descending."""
    keyed = [
        (value is None, value if value is not None else 0, document["id"])
        for kind, document in documents
        for value in [sort_value(kind, document, path)]
    ]
    missing = sorted((each for each in keyed if each[0]), reverse=is_descending)
    known = sorted((each for each in keyed if not each[0]), reverse=is_descending)
    return [each[2] for each in (missing + known if is_descending else known + missing)]


_ORDERS = ["ascending", "descending"]
_WAYS = sorted({path_text(way) for kind in TYPES.values() for way in sortable(kind)})


_SEVERAL = ["emails", "emails.value", "photos.display", "roles.type", "groups.display", "members"]


@thorough
@given(
    populations(),
    st.sampled_from(_WAYS) | st.sampled_from(_SEVERAL),
    st.sampled_from(_ORDERS),
    st.integers(1, 3),
)
async def test_pages_by_cursor_and_by_index_hold_the_order_of_the_oracle(
    database: db.Database, population: Population, path: str, order: str, count: int
) -> None:
    kinds = [each for each in TYPES.values() if each.resolve(path)]
    documents = [(kind, each) for kind in kinds for each in population.whole(kind)]
    is_descending = order == "descending"
    request = SearchRequest(sort_by=path, is_descending=is_descending, count=count, cursor="")
    async with _undone(database, population) as connection:
        whole = await _found(connection, kinds, replace(request, count=100))
        pages = [await _found(connection, kinds, request)]
        while pages[-1].next:
            pages.append(await _found(connection, kinds, request, pages[-1].next))

    expected = _ordered(documents, path, is_descending=is_descending)
    assert [each.resource.id for each in whole.found] == expected
    assert [each.resource.id for page in pages for each in page.found] == expected
    assert {page.total for page in pages} == {len(expected)}


_FOLDED = "select folded(each) from unnest($1::text[]) with ordinality as e (each, n) order by n"


# Where letters have a case, with room around; what lies between is a hundred thousand ideographs.
_CODES = [
    *range(1, 0x3100),
    *range(0xA000, 0xAC00),
    *range(0xF900, 0x10000),
    *range(0x10000, 0x1F000),
]


async def test_postgres_folds_every_letter_as_python_does(database: db.Database) -> None:
    letters = [chr(code) for code in _CODES]

    async with database.connection() as connection:
        # In pieces, each well within the deadline of a statement.
        rows = [
            row
            for first in range(0, len(letters), 2000)
            for row in await connection.fetch(_FOLDED, letters[first : first + 2000])
        ]

    differing = [each for each, row in zip(letters, rows, strict=True) if row[0] != folded(each)]
    assert differing == []
    assert len(LOWER) == 1404


@thorough
@given(st.lists(TEXTS, min_size=1))
async def test_postgres_folds_every_text_as_python_does(
    database: db.Database, texts: list[str]
) -> None:
    async with database.connection() as connection:
        rows = await connection.fetch(_FOLDED, texts)

    assert [row[0] for row in rows] == [folded(each) for each in texts]
