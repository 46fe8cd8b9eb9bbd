"""PATCH bodies, however a provider spells them."""

import pytest

from services.ingest.scim import normalize
from services.ingest.scim.errors import InvalidSyntax
from services.ingest.scim.messages import Operation


def test_onelogins_patch_is_read_as_it_is() -> None:
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"value": [{"value": "u1"}], "op": "add", "path": "members"}],
    }

    assert normalize.operations(body) == (Operation("add", "members", [{"value": "u1"}]),)


def test_keys_and_words_are_read_in_any_case_and_schemas_may_be_absent() -> None:
    body = {"operations": [{"OP": "Replace", "Path": "active", "Value": "False"}]}

    assert normalize.operations(body) == (Operation("replace", "active", "False"),)


@pytest.mark.parametrize("path", [None, "", " "])
def test_an_empty_path_means_the_whole_resource(path: object) -> None:
    body = {"Operations": [{"op": "add", "path": path, "value": {"title": "x"}}]}

    assert normalize.operations(body)[0].path is None


def test_a_removal_needs_no_value() -> None:
    body = {"Operations": [{"op": "remove", "path": "title"}]}

    assert normalize.operations(body) == (Operation("remove", "title"),)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"Operations": None},
        {"Operations": []},
        {"Operations": {"op": "add"}},
        {"Operations": ["add"]},
        {"Operations": [{}]},
        {"Operations": [{"op": "move", "path": "a", "value": 1}]},
        {"Operations": [{"op": ["add"], "path": "a", "value": 1}]},
        {"Operations": [{"op": "add", "path": "title"}]},
        {"Operations": [{"op": "add", "path": 7, "value": 1}]},
    ],
)
def test_a_body_without_operations_is_refused(body: object) -> None:
    with pytest.raises(InvalidSyntax):
        normalize.operations(body)


def test_the_error_says_which_operation_is_wrong() -> None:
    body = {"Operations": [{"op": "remove", "path": "title"}, {"op": "drop"}]}

    with pytest.raises(InvalidSyntax, match="operation 2"):
        normalize.operations(body)


def test_the_scim_1_1_dialect_is_answered_with_the_right_connector() -> None:
    body = {
        "schemas": ["urn:scim:schemas:core:1.0"],
        "members": [{"value": "u", "operation": "delete"}],
    }

    with pytest.raises(InvalidSyntax, match=r"SCIM v2 Enterprise"):
        normalize.operations(body)
