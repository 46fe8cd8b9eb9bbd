"""Filters by declared attributes: Postgres selects what the engine in Python selects."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.domain.directories import Directory, Organization
from services.ingest.domain.resources import Resource
from services.ingest.scim import declaration
from services.ingest.scim import filter as filters
from services.ingest.scim.definitions import USER
from services.ingest.scim.search import SearchRequest
from services.ingest.store import directories, pages, resources
from services.ingest.usecases import reading
from shared import db
from shared.contracts.ids import DirectoryId, OrganizationId
from tests.support.servers import Databases

URN = "urn:acme:params:scim:schemas:extension:badge:2.0:User"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DIRECTORY = DirectoryId("00000000-0000-4000-8000-000000000001")
PLAIN = {"description": "", "multiValued": False, "required": False, "caseExact": False,
         "mutability": "readWrite", "returned": "default", "uniqueness": "none"}  # fmt: skip


def attribute(name: str, kind: str, **others: Any) -> dict[str, Any]:
    return PLAIN | {"name": name, "type": kind} | others


PARTS = [attribute("floor", "integer"), attribute("since", "dateTime"), attribute("ok", "boolean")]
TYPE = declaration.extended(USER, [declaration.schema({
    "id": URN,
    "name": "Badge",
    "attributes": [
        attribute("number", "integer"),
        attribute("height", "decimal"),
        attribute("issued", "dateTime"),
        attribute("levels", "integer", multiValued=True),
        attribute("doors", "complex", multiValued=True, subAttributes=PARTS),
    ],
})])  # fmt: skip

INTEGERS = st.sampled_from([0, 9, 10, -10, 2**53 + 1, 2**63 - 1]) | st.integers(-20, 20)
DECIMALS = st.sampled_from([0.0, 9.5, 10.0, -1e300, 1e-300]) | st.floats(
    allow_nan=False, allow_infinity=False
)
MOMENTS = st.sampled_from(
    ["2026-03-01T09:30:00Z", "2026-03-01T09:30:00.100000Z", "2026-03-01T09:30:00.100001Z",
     "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]
)  # fmt: skip
VALUES = st.fixed_dictionaries({}, optional={
    "number": INTEGERS,
    "height": DECIMALS,
    "issued": MOMENTS,
    "levels": st.lists(INTEGERS, min_size=1, max_size=2),
    "doors": st.lists(
        st.fixed_dictionaries(
            {"floor": INTEGERS}, optional={"since": MOMENTS, "ok": st.booleans()}
        ),
        min_size=1,
        max_size=2,
    ),
})  # fmt: skip
NUMBERS = INTEGERS | DECIMALS
ORDER = st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"])
INSIDE = (
    st.builds(filters.Comparison, st.just("floor"), ORDER, NUMBERS)
    | st.builds(filters.Comparison, st.just("since"), ORDER, MOMENTS)
    | st.builds(filters.Comparison, st.just("ok"), st.sampled_from(["eq", "ne"]), st.booleans())
)
TERMS = (
    st.builds(
        filters.Comparison,
        st.sampled_from([f"{URN}:number", f"{URN}:height", f"{URN}:levels", f"{URN}:doors.floor"]),
        ORDER,
        NUMBERS,
    )
    | st.builds(filters.Comparison, st.just(f"{URN}:issued"), ORDER, MOMENTS)
    | st.builds(filters.Present, st.sampled_from([f"{URN}:number", f"{URN}:doors", URN]))
    | st.builds(filters.ValuePath, st.just(f"{URN}:doors"), INSIDE)
)
TREES = TERMS | st.builds(filters.Not, TERMS) | st.builds(filters.And, st.tuples(TERMS, TERMS))


@pytest.fixture(scope="module")
async def database(databases: Databases) -> AsyncIterator[db.Database]:
    async with db.connect(databases.ingest, "ingest") as found:
        await db.migrate(found, ["shared", "services.ingest"])
        owner = OrganizationId(DIRECTORY)
        async with found.transaction() as tx:
            await directories.find_or_insert_organization(tx, Organization(owner, "Acme", NOW))
            await directories.insert(tx, Directory(DIRECTORY, owner, "Acme", "generic", NOW))
        yield found


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=st.lists(VALUES, min_size=1, max_size=3), tree=TREES)
async def test_f14_postgres_and_python_agree(
    database: db.Database, values: list[dict[str, Any]], tree: filters.Filter
) -> None:
    documents = {
        f"00000000-0000-4000-9000-{number:012}": {"userName": f"u{number}"}
        | ({URN: each} if each else {})
        for number, each in enumerate(values)
    }
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            for key, document in documents.items():
                await resources.insert(
                    connection, Resource(TYPE, DIRECTORY, key, document, 1, NOW, NOW)
                )
            parts = reading.parts([TYPE], SearchRequest(filter=filters.render(tree)))
            found = await pages.page(connection, DIRECTORY, parts, pages.Window(10))
        finally:
            await transaction.rollback()

    expected = {key for key, each in documents.items() if filters.matches(tree, each, TYPE)}
    assert {each.resource.id for each in found} == expected, filters.render(tree)
