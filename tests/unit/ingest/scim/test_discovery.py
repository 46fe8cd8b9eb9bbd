"""Discovery tells the truth about the table, and the oracle agrees with the table."""

from collections.abc import Iterator

import pytest
from scim2_models import EnterpriseUser, Group, ResourceType, Schema, ServiceProviderConfig, User

from services.ingest.scim import discovery
from services.ingest.scim.definitions import TYPES
from services.ingest.scim.search import MAX_RESULTS

BASE = "https://rollcall.example.com/scim/v2/d1"
SCHEMAS = {each["id"]: each for each in discovery.schemas(TYPES.values(), BASE)}

# Where the table says something else than RFC 7643 §8.7.1, and why.
DEVIATIONS = {
    ("Group", "displayName", "uniqueness"),  # unique in a directory, by design
    ("Group", "members.display", "mutability"),  # it follows from the user
    ("Group", "members.display", "returned"),  # what comes back is what was sent
    ("EnterpriseUser", "manager.value", "required"),  # a template without a manager is accepted
    ("EnterpriseUser", "manager.$ref", "required"),  # providers do not know our addresses
}


def test_the_service_says_what_it_can_do() -> None:
    config = discovery.service_provider_config(BASE)

    offered = {
        key for key, each in config.items() if isinstance(each, dict) and each.get("supported")
    }
    assert offered == {"patch", "filter", "sort", "etag", "bulk"}
    assert config["filter"]["maxResults"] == MAX_RESULTS
    assert config["meta"]["location"] == f"{BASE}/ServiceProviderConfig"
    assert ServiceProviderConfig.model_validate(config).authentication_schemes


def test_the_oracle_reads_every_resource_type() -> None:
    types = {each["id"]: each for each in discovery.resource_types(TYPES.values(), BASE)}

    assert types.keys() == {"User", "Group"}
    assert types["User"]["endpoint"] == "/Users"
    assert types["User"]["schemaExtensions"] == [
        {"schema": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "required": False}
    ]
    assert "schemaExtensions" not in types["Group"]
    for each in types.values():
        ResourceType.model_validate(each)


def test_the_oracle_reads_every_schema() -> None:
    for each in SCHEMAS.values():
        assert Schema.model_validate(each).id == each["id"]


def test_every_schema_of_a_resource_type_is_listed() -> None:
    types = discovery.resource_types(TYPES.values(), BASE)
    used = {each["schema"] for each in types} | {
        extension["schema"] for each in types for extension in each.get("schemaExtensions", [])
    }

    assert used <= SCHEMAS.keys()


@pytest.mark.parametrize("urn", SCHEMAS)
def test_no_answer_holds_a_null_and_every_attribute_is_described(urn: str) -> None:
    for _, attribute in _attributes(SCHEMAS[urn]["attributes"]):
        assert None not in attribute.values()
        assert attribute["description"].endswith(".")


def _attributes(listed: list[dict], above: str = "") -> Iterator[tuple[str, dict]]:
    for each in listed:
        path = f"{above}{each['name']}"
        yield path, each
        yield from _attributes(each.get("subAttributes", []), f"{path}.")


_CHARACTERISTICS = (
    "type",
    "multiValued",
    "required",
    "mutability",
    "returned",
    "uniqueness",
    "caseExact",
)


@pytest.mark.parametrize("model", [User, EnterpriseUser, Group])
def test_the_table_has_the_characteristics_of_the_oracle(model) -> None:
    oracle = model.to_schema().model_dump()
    ours = dict(_attributes(SCHEMAS[oracle["id"]]["attributes"]))
    theirs = dict(_attributes(oracle["attributes"]))

    differences = {
        (model.__name__, path, name)
        for path in ours.keys() | theirs.keys()
        for name in _CHARACTERISTICS
        if ours.get(path, {}).get(name) != theirs.get(path, {}).get(name)
    }

    assert differences == {each for each in DEVIATIONS if each[0] == model.__name__}
