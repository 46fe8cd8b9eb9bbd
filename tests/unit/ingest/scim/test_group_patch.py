"""PATCH of a group: edits of members come out as their net effect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.scim import normalize, patch
from services.ingest.scim.definitions import GROUP
from services.ingest.scim.errors import (
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
)
from services.ingest.scim.messages import Operation
from services.ingest.scim.patch import MemberEdits

ADMINS = {"displayName": "Admins"}


def edits(*steps: Operation) -> MemberEdits:
    return patch.apply_to_group(GROUP, ADMINS, steps).members


def listed(*ids: str) -> list[dict[str, str]]:
    return [{"value": each} for each in ids]


def test_onelogins_add_names_one_member() -> None:
    assert edits(Operation("add", "members", listed("u1"))) == MemberEdits(added=("u1",))


def test_onelogins_remove_with_a_value_list_removes_just_those() -> None:
    step = Operation("remove", "members", listed("u1", "u2"))

    assert edits(step) == MemberEdits(removed=frozenset({"u1", "u2"}))


def test_a_remove_with_an_empty_value_list_removes_nobody() -> None:
    assert edits(Operation("remove", "members", [])) == MemberEdits()


def test_only_a_remove_without_a_value_empties_the_group() -> None:
    assert edits(Operation("remove", "members")) == MemberEdits(cleared=True)


def test_oktas_remove_selects_by_id() -> None:
    step = Operation("remove", 'members[value eq "u1"]')

    assert edits(step) == MemberEdits(removed=frozenset({"u1"}))


def test_several_ids_may_be_selected_at_once() -> None:
    step = Operation("remove", 'members[value eq "u1" or value eq "u2"]')

    assert edits(step) == MemberEdits(removed=frozenset({"u1", "u2"}))


def test_that_a_member_is_a_user_goes_without_saying() -> None:
    step = Operation("remove", 'members[type eq "User" and value eq "u1"]')

    assert edits(step) == MemberEdits(removed=frozenset({"u1"}))


@pytest.mark.parametrize(
    "path", ["members", "Members", "urn:ietf:params:scim:schemas:core:2.0:Group:members"]
)
def test_a_replacement_is_the_whole_list(path: str) -> None:
    step = Operation("replace", path, listed("u2", "u1"))

    assert edits(step) == MemberEdits(cleared=True, added=("u2", "u1"))


@pytest.mark.parametrize("nothing", [[], None])
def test_a_replacement_by_an_empty_list_empties_the_group(nothing: object) -> None:
    assert edits(Operation("replace", "members", nothing)) == MemberEdits(cleared=True)


def test_the_later_operation_on_a_member_wins() -> None:
    add, remove = Operation("add", "members", "u1"), Operation("remove", "members", ["u1"])

    assert edits(add, remove) == MemberEdits(removed=frozenset({"u1"}))
    assert edits(remove, add) == MemberEdits(added=("u1",))


def test_oktas_push_renames_and_replaces_members_without_a_path() -> None:
    step = Operation(
        "replace", None, {"id": "g1", "displayName": "Owners", "members": listed("u1")}
    )

    after = patch.apply_to_group(GROUP, ADMINS, [step])

    assert after.document == {"displayName": "Owners"}
    assert after.members == MemberEdits(cleared=True, added=("u1",))


def test_a_rename_alone_touches_no_member() -> None:
    after = patch.apply_to_group(GROUP, ADMINS, [Operation("replace", "displayName", "Owners")])

    assert after.document == {"displayName": "Owners"}
    assert after.members == MemberEdits()


def test_authentiks_keys_beside_the_members_are_passed_over() -> None:
    value = {"id": "g1", "schemas": ["x"], "meta": {}, "members": listed("u1")}

    after = patch.apply_to_group(GROUP, ADMINS, [Operation("add", None, value)])

    assert after == patch.GroupPatch(ADMINS, MemberEdits(added=("u1",)))


def test_entras_members_carry_a_null_reference() -> None:
    step = Operation("add", "members", [{"$ref": None, "value": "u1"}])

    assert edits(step) == MemberEdits(added=("u1",))


_IDS = st.lists(st.sampled_from("abcd"), max_size=3)
_STEPS = st.lists(
    st.builds(Operation, st.sampled_from(["add", "remove", "replace"]), st.just("members"), _IDS)
    | st.just(Operation("remove", "members"))
    | st.sampled_from("abcd").map(lambda one: Operation("remove", f'members[value eq "{one}"]')),
    max_size=6,
)


@given(st.sets(st.sampled_from("abcd")), _STEPS)
def test_the_net_effect_is_that_of_the_operations_in_order(
    stored: set[str], steps: list[Operation]
) -> None:
    expected = set(stored)
    for step in steps:
        if step.path != "members":
            expected -= {step.path[18]}
        elif step.op == "add":
            expected |= set(step.value)
        elif step.op == "replace":
            expected = set(step.value)
        else:
            expected -= expected if step.value is None else set(step.value)

    net = edits(*steps)

    assert ((set() if net.cleared else stored) - net.removed) | set(net.added) == expected
    assert net.removed.isdisjoint(net.added)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (Operation("add", "members", [{"display": "Ada"}]), InvalidValue),
        (Operation("remove", "members", [{"value": ""}]), InvalidValue),
        (Operation("add", 'members[value eq "u1"]', {"value": "u1"}), Mutability),
        (Operation("replace", 'members[value eq "u1"].value', "u2"), Mutability),
        (Operation("remove", "members.value"), Mutability),
        (Operation("remove", 'members[display eq "Ada"]'), InvalidFilter),
        (Operation("remove", 'members[not (value eq "u1")]'), InvalidFilter),
        (Operation("remove", 'members[value sw "u"]'), InvalidFilter),
        (Operation("remove", 'members[value eq "u1" and value eq "u2"]'), InvalidFilter),
        (Operation("remove", 'members[type eq "User" and type eq "User"]'), InvalidFilter),
        (Operation("remove", 'members[type eq "Group" and value eq "u1"]'), InvalidFilter),
        (Operation("remove", 'members[value eq "u1"'), InvalidPath),
        (Operation("remove", "memberz", listed("u1")), InvalidPath),
        (Operation("remove", None, {"members": listed("u1")}), NoTarget),
        (Operation("replace", None, listed("u1")), InvalidSyntax),
        (Operation("replace", "displayName", ""), InvalidValue),
        (Operation("remove", "displayName"), InvalidValue),
        (Operation("replace", "id", "x"), Mutability),
    ],
)
def test_what_cannot_be_applied_is_never_answered_with_success(step, error) -> None:
    with pytest.raises(error):
        patch.apply_to_group(GROUP, ADMINS, [step])


def test_one_bad_operation_spoils_the_whole_request() -> None:
    steps = normalize.operations(
        {
            "Operations": [
                {"op": "add", "path": "members", "value": listed("u1")},
                {"op": "replace", "path": "nothing", "value": "x"},
            ]
        }
    )

    with pytest.raises(InvalidPath):
        patch.apply_to_group(GROUP, ADMINS, steps)
