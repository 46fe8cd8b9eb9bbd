"""Immutable attributes: settable once, then the same value or none."""

import pytest

from services.ingest.scim import immutable, patch
from services.ingest.scim.definitions import USER, USER_SCHEMA
from services.ingest.scim.errors import Mutability
from services.ingest.scim.messages import Operation
from services.ingest.scim.schema import Attribute, ResourceType, Schema

BADGE = "urn:example:badge"
TYPE = ResourceType(
    name="User",
    endpoint="/Users",
    description="A person.",
    key="userName",
    apart="groups",
    schema=USER_SCHEMA,
    extensions=(
        Schema(
            BADGE,
            "Badge",
            "A badge.",
            (
                Attribute("number", mutability="immutable"),
                Attribute("colour"),
            ),
        ),
    ),
)
ADA = {"userName": "ada", "active": True}
WITH_BADGE = ADA | {BADGE: {"number": "7"}}


def test_it_can_be_set_once() -> None:
    assert immutable.kept(TYPE, ADA, WITH_BADGE) == WITH_BADGE


def test_the_same_value_passes() -> None:
    assert immutable.kept(TYPE, WITH_BADGE, WITH_BADGE) == WITH_BADGE


def test_a_put_that_leaves_it_out_keeps_it() -> None:
    after = ADA | {BADGE: {"colour": "red"}}

    assert immutable.kept(TYPE, WITH_BADGE, after)[BADGE] == {"colour": "red", "number": "7"}
    assert immutable.kept(TYPE, WITH_BADGE, ADA) == WITH_BADGE


def test_another_value_is_refused_by_its_path() -> None:
    with pytest.raises(Mutability) as refused:
        immutable.kept(TYPE, WITH_BADGE, ADA | {BADGE: {"number": "8"}})

    assert refused.value.attribute == f"{BADGE}:number"


@pytest.mark.parametrize("op", ["add", "replace"])
def test_a_patch_may_repeat_it_and_not_change_it(op: str) -> None:
    path = f"{BADGE}:number"

    assert patch.apply(TYPE, WITH_BADGE, [Operation(op, path, "7")]) == WITH_BADGE
    assert patch.apply(TYPE, ADA, [Operation(op, path, "7")]) == WITH_BADGE
    with pytest.raises(Mutability):
        patch.apply(TYPE, WITH_BADGE, [Operation(op, path, "8")])


@pytest.mark.parametrize("path", [f"{BADGE}:number", BADGE])
def test_a_patch_cannot_remove_it(path: str) -> None:
    with pytest.raises(Mutability):
        patch.apply(TYPE, WITH_BADGE, [Operation("remove", path)])


def test_the_standard_user_has_nothing_immutable() -> None:
    assert USER.immutable == ()
