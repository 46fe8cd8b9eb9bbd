"""PATCH of a document: the RFC's rules, and where providers read them otherwise."""

import contextlib
import copy

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scim2_models import Context, EnterpriseUser, PatchOp, User

from services.ingest.scim import normalize, patch
from services.ingest.scim.definitions import USER
from services.ingest.scim.errors import (
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
    ScimError,
)
from services.ingest.scim.messages import Operation
from tests.unit.ingest.scim.documents import ENTERPRISE, operations, users, writes

WORK = {"value": "ada@example.com", "type": "work", "primary": True}
HOME = {"value": "ada@home.example.org", "type": "home"}
ADA = {
    "userName": "ada",
    "active": True,
    "title": "Countess",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "emails": [WORK, HOME],
    ENTERPRISE: {"department": "Engines", "manager": {"value": "m1"}},
}


def changed(*steps: Operation) -> dict:
    """Return the attributes that differ after the operations; None for those that are gone."""
    after = patch.apply(USER, ADA, steps)
    return {
        key: after.get(key) for key in ADA.keys() | after.keys() if after.get(key) != ADA.get(key)
    }


def add(path: str | None, value: object) -> Operation:
    return Operation("add", path, value)


def replace(path: str | None, value: object) -> Operation:
    return Operation("replace", path, value)


def remove(path: str | None, value: object = None) -> Operation:
    return Operation("remove", path, value)


@given(users, st.lists(operations, max_size=4))
def test_patching_leaves_its_input_alone(document: dict, steps: list[Operation]) -> None:
    before, given_steps = copy.deepcopy(document), copy.deepcopy(steps)

    with contextlib.suppress(ScimError):
        patch.apply(USER, document, steps)

    assert (document, steps) == (before, given_steps)


@given(users, writes)
def test_an_add_or_replace_twice_is_one(document: dict, step: Operation) -> None:
    try:
        once = patch.apply(USER, document, [step])
    except NoTarget:
        assume(False)

    assert patch.apply(USER, once, [step]) == once


@given(users, st.lists(operations, max_size=4))
def test_a_patched_document_is_canonical(document: dict, steps: list[Operation]) -> None:
    try:
        after = patch.apply(USER, document, steps)
    except NoTarget:
        assume(False)

    assert normalize.resource(USER, after) == {"active": True} | after


def test_a_whole_value_is_merged_attribute_by_attribute() -> None:
    step = add(None, {"title": "Analyst", "name": {"middleName": "K"}, "nickName": "A"})

    assert changed(step) == {
        "title": "Analyst",
        "nickName": "A",
        "name": {"givenName": "Ada", "familyName": "Byron", "middleName": "K"},
    }


def test_oktas_deactivation_has_no_path() -> None:
    assert changed(replace(None, {"active": False})) == {"active": False}


def test_entras_keys_are_dotted_paths_and_full_urns() -> None:
    step = replace(
        None,
        {
            "name.givenName": "Augusta",
            f"{ENTERPRISE}:department": "Maths",
            'emails[type eq "work"].value': "new@example.com",
        },
    )

    assert changed(step) == {
        "name": {"givenName": "Augusta", "familyName": "Byron"},
        ENTERPRISE: {"department": "Maths", "manager": {"value": "m1"}},
        "emails": [WORK | {"value": "new@example.com"}, HOME],
    }


def test_what_a_client_cannot_set_is_passed_over() -> None:
    step = replace(None, {"id": "u1", "schemas": ["x"], "meta": {}, "password": "p", "title": "x"})

    assert changed(step) == {"title": "x"}


def test_an_attribute_that_no_schema_has_is_kept() -> None:
    assert changed(add(None, {"user_mobile": "1", "urn:example:x": {"a": 1}})) == {
        "user_mobile": "1",
        "urn:example:x": {"a": 1},
    }


@pytest.mark.parametrize("key", ["name.odd", f"{ENTERPRISE}:odd", "emails[type pr].odd", "odd.x"])
def test_a_key_that_is_a_path_to_nowhere_is_refused(key: str) -> None:
    with pytest.raises(InvalidPath):
        changed(replace(None, {key: "x"}))


@pytest.mark.parametrize("value", [None, "x", 3, ["title"]])
def test_without_a_path_the_value_must_be_an_object(value: object) -> None:
    with pytest.raises(InvalidSyntax):
        changed(add(None, value))


def test_a_removal_without_a_path_has_no_target() -> None:
    with pytest.raises(NoTarget):
        changed(remove(None))


def test_entras_deactivation_is_text() -> None:
    assert changed(replace("active", "False")) == {"active": False}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (replace("title", [{"$ref": None, "value": "Analyst"}]), {"title": "Analyst"}),
        (replace("active", [{"$ref": None, "value": "False"}]), {"active": False}),
        (
            replace("name.familyName", [{"$ref": None, "value": "King"}]),
            {"name": {"givenName": "Ada", "familyName": "King"}},
        ),
        (
            add(f"{ENTERPRISE}:manager", [{"$ref": "https://x.example/Users/m2", "value": "m2"}]),
            {
                ENTERPRISE: {
                    "department": "Engines",
                    "manager": {"value": "m2", "$ref": "https://x.example/Users/m2"},
                }
            },
        ),
    ],
)
def test_azures_older_sync_wraps_a_single_value(step: Operation, expected: dict) -> None:
    assert changed(step) == expected


def test_a_sub_attribute_is_set_alone() -> None:
    assert changed(replace("name.familyName", "King")) == {
        "name": {"givenName": "Ada", "familyName": "King"}
    }


def test_an_absent_parent_is_created() -> None:
    bare = {"userName": "ada", "active": True}

    after = patch.apply(USER, bare, [add("name.givenName", "Ada")])

    assert after["name"] == {"givenName": "Ada"}


def test_replacing_a_complex_attribute_keeps_what_the_value_does_not_name() -> None:
    assert changed(replace("name", {"familyName": "King"})) == {
        "name": {"givenName": "Ada", "familyName": "King"}
    }


@pytest.mark.parametrize(
    "manager", ["m2", {"value": "m2"}, {"managerId": "m2", "displayName": "x"}]
)
def test_a_manager_is_set_in_each_shape(manager: object) -> None:
    assert changed(replace(f"{ENTERPRISE}:manager", manager)) == {
        ENTERPRISE: {"department": "Engines", "manager": {"value": "m2"}}
    }


def test_the_stock_templates_urn_is_understood_in_paths() -> None:
    step = replace("urn:scim:schemas:extension:enterprise:2.0:manager.managerId", "m2")

    assert changed(step) == {ENTERPRISE: {"department": "Engines", "manager": {"value": "m2"}}}


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_replacing_with_nothing_removes(nothing: object) -> None:
    assert changed(replace("title", nothing)) == {"title": None}
    assert changed(replace("emails", nothing)) == {"emails": None}


def test_a_null_inside_a_value_removes_that_sub_attribute() -> None:
    assert changed(replace("name", {"givenName": None})) == {"name": {"familyName": "Byron"}}


def test_adding_nothing_changes_nothing() -> None:
    assert changed(add("title", ""), add("emails", []), add("name", None)) == {}


def test_what_is_emptied_is_gone() -> None:
    emptied = changed(remove("name.givenName"), remove("name.familyName"))

    assert emptied == {"name": None}


def test_an_extension_is_removed_whole_or_piece_by_piece() -> None:
    pieces = changed(remove(f"{ENTERPRISE}:department"), remove(f"{ENTERPRISE}:manager.value"))

    assert changed(remove(ENTERPRISE)) == pieces == {ENTERPRISE: None}


def test_removing_what_is_absent_changes_nothing() -> None:
    assert changed(remove("nickName"), remove("addresses"), remove('emails[type eq "x"]')) == {}


def test_active_that_is_removed_is_unassigned() -> None:
    after = patch.apply(USER, ADA | {"active": False}, [remove("active")])

    assert "active" not in after


def test_adding_appends() -> None:
    new = {"value": "third@example.com", "type": "other"}

    assert changed(add("emails", new)) == {"emails": [WORK, HOME, new]}
    assert changed(add("emails", [new])) == {"emails": [WORK, HOME, new]}


def test_adding_what_is_there_changes_nothing() -> None:
    assert changed(add("emails", [{"value": "ada@example.com", "type": "work"}])) == {}


def test_a_new_primary_unsets_the_old_one() -> None:
    new = {"value": "third@example.com", "primary": True}

    assert changed(add("emails", new)) == {"emails": [WORK | {"primary": False}, HOME, new]}
    assert changed(replace('emails[type eq "home"].primary', "True")) == {
        "emails": [WORK | {"primary": False}, HOME | {"primary": True}]
    }


def test_replacing_without_a_filter_replaces_the_list() -> None:
    assert changed(replace("emails", {"value": "only@example.com"})) == {
        "emails": [{"value": "only@example.com"}]
    }


def test_replacing_selected_elements_replaces_them_whole() -> None:
    assert changed(replace('emails[type eq "home"]', {"value": "x", "type": "other"})) == {
        "emails": [WORK, {"value": "x", "type": "other"}]
    }


def test_adding_to_selected_elements_completes_them() -> None:
    assert changed(add('emails[type eq "home"]', {"display": "Ada"})) == {
        "emails": [WORK, HOME | {"display": "Ada"}]
    }


def test_a_sub_attribute_without_a_filter_is_set_in_every_element() -> None:
    assert changed(replace("emails.display", "Ada")) == {
        "emails": [WORK | {"display": "Ada"}, HOME | {"display": "Ada"}]
    }


@pytest.mark.parametrize("write", [add, replace])
def test_entras_first_value_of_a_type_creates_the_element(write) -> None:
    assert changed(write('phoneNumbers[type eq "mobile"].value', "tel:+1")) == {
        "phoneNumbers": [{"type": "mobile", "value": "tel:+1"}]
    }


def test_an_element_is_created_with_every_label_that_its_filter_gives() -> None:
    step = replace('roles[primary eq "True" and type eq "app"].value', "Admin")

    assert changed(step) == {"roles": [{"primary": True, "type": "app", "value": "Admin"}]}


@pytest.mark.parametrize(
    "step",
    [
        replace('phoneNumbers[type eq "mobile"]', {"value": "1"}),
        replace('phoneNumbers[value co "1"].value', "1"),
        replace('emails[value eq "nobody@example.com"].type', "work"),
        add('emails[type eq "work" and value eq "nobody@example.com"].display', "Ada"),
        replace('phoneNumbers[type eq "a" or type eq "b"].value', "1"),
        add('phoneNumbers[not (type eq "a")].value', "1"),
        add('phoneNumbers[type eq "mobile"].primary', value=True),
    ],
)
def test_a_filter_that_selects_nothing_and_describes_nothing_has_no_target(step) -> None:
    with pytest.raises(NoTarget):
        changed(step)


def test_removing_selected_elements_leaves_the_others() -> None:
    assert changed(remove('emails[type eq "work"]')) == {"emails": [HOME]}


def test_removing_the_last_element_unassigns_the_attribute() -> None:
    assert changed(remove("emails[value pr]")) == {"emails": None}


def test_removing_a_sub_attribute_of_selected_elements() -> None:
    assert changed(remove('emails[type eq "work"].primary')) == {
        "emails": [{"value": "ada@example.com", "type": "work"}, HOME]
    }


def test_an_element_that_loses_its_value_is_gone() -> None:
    assert changed(remove('emails[type eq "home"].value')) == {"emails": [WORK]}


def test_removing_with_a_value_list_removes_just_those() -> None:
    assert changed(remove("emails", [{"value": "ada@example.com"}])) == {"emails": [HOME]}
    assert changed(remove("emails", [{"value": "ADA@Example.com"}])) == {"emails": [HOME]}
    assert changed(remove("emails", [{"value": "x"}])) == {}
    assert changed(remove("emails", [])) == {}


def test_operations_apply_in_order() -> None:
    steps = [replace("title", "a"), remove("title"), add("title", "b"), replace("title", "c")]

    assert changed(*steps) == {"title": "c"}


def test_a_failure_after_a_success_leaves_no_trace() -> None:
    before = copy.deepcopy(ADA)

    with pytest.raises(InvalidPath):
        patch.apply(USER, ADA, [replace("title", "x"), replace("nothing", "x")])

    assert before == ADA


@pytest.mark.parametrize("path", ["id", "meta", "meta.created", "schemas", "groups"])
@pytest.mark.parametrize("write", [add, replace, remove])
def test_a_read_only_target_is_refused(path: str, write) -> None:
    with pytest.raises(Mutability):
        changed(write(path, "x"))


@pytest.mark.parametrize("write", [add, replace, remove])
def test_a_password_is_taken_and_not_kept_as_in_a_put(write) -> None:
    assert changed(write("password", "hunter2")) == {}


def test_a_managers_name_is_not_a_clients_to_set() -> None:
    with pytest.raises(Mutability):
        changed(replace(f"{ENTERPRISE}:manager.displayName", "Tom"))


@pytest.mark.parametrize("step", [remove("userName"), replace("userName", " ")])
def test_a_required_attribute_cannot_be_removed(step: Operation) -> None:
    with pytest.raises(InvalidValue) as caught:
        changed(step)

    assert caught.value.attribute == "userName"


@pytest.mark.parametrize(
    ("step", "named"),
    [
        (replace("active", "maybe"), "active"),
        (replace("name.givenName", ["x"]), "name.givenName"),
        (replace("name", {"givenName": ["x"]}), "name.givenName"),
        (replace("name", "Ada"), "name"),
        (add("emails", [["x"]]), "emails"),
        (add("emails", {"value": {"x": 1}}), "emails.value"),
        (replace(f"{ENTERPRISE}:manager.value", {"x": 1}), f"{ENTERPRISE}:manager.value"),
        (
            replace(ENTERPRISE, {"department": [], "manager": True}),
            f"{ENTERPRISE}:manager.value",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_name(step: Operation, named: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        changed(step)

    assert caught.value.attribute == named


def test_a_filter_over_an_unknown_sub_attribute_is_refused() -> None:
    with pytest.raises(InvalidFilter):
        changed(remove('emails[odd eq "x"]'))


PLAIN = [
    [add("title", "x"), add("nickName", "y")],
    [add(None, {"title": "x", "name": {"middleName": "K"}})],
    [add("emails", [{"value": "c@example.com", "type": "other"}])],
    [replace("name.familyName", "King")],
    [replace("name", {"familyName": "King"})],
    [replace("emails", [{"value": "c@example.com", "type": "other"}])],
    [replace('emails[type eq "home"].value', "c@example.com")],
    [replace('emails[type eq "home"]', {"value": "c@example.com", "type": "other"})],
    [replace(f"{ENTERPRISE}:department", "Maths")],
    [remove("title"), remove("name.givenName")],
    [remove('emails[type eq "work"]')],
    [remove("emails")],
    [remove(ENTERPRISE)],
]


@pytest.mark.parametrize("steps", PLAIN, ids=lambda steps: f"{steps[0].op} {steps[0].path}")
def test_a_plain_patch_does_what_the_oracle_does(steps: list[Operation]) -> None:
    model = User[EnterpriseUser]
    body = [{"op": each.op, "path": each.path, "value": each.value} for each in steps]
    user = model.model_validate(ADA)
    PatchOp[model].model_validate(
        {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": body},
        scim_ctx=Context.RESOURCE_PATCH_REQUEST,
    ).patch(user)

    ours = model.model_validate(patch.apply(USER, ADA, steps))

    assert ours.model_dump(exclude={"schemas"}) == user.model_dump(exclude={"schemas"})
