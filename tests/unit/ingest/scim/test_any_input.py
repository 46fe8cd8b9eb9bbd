"""Whatever JSON arrives: an answer or a ScimError, never a crash."""

import contextlib
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.scim import filter as filters
from services.ingest.scim import normalize, patch
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import ScimError
from services.ingest.scim.messages import Operation
from tests.unit.ingest.scim.documents import ENTERPRISE, users

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
)
NAMES = st.sampled_from(
    [each.name for kind in (USER, GROUP) for each in kind.attributes]
    + ["value", "type", "primary", "givenName", "manager", "managerId", "odd", "", "$ref", "op"]
    + ["operations", "path", "emails[type eq 1].value", "name.givenName", f"{ENTERPRISE}:manager"]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
PATHS = NAMES | st.text(max_size=12) | st.sampled_from(['emails[value eq "a"].x', "emails[]", "a["])
OPERATIONS = st.builds(
    Operation, st.sampled_from(["add", "remove", "replace"]), st.none() | PATHS, JSON
)


@given(JSON)
def test_any_body_is_a_document_or_an_error(raw: object) -> None:
    for read in (normalize.operations, partial(normalize.group, GROUP), normalize.member_ids):
        with contextlib.suppress(ScimError):
            read(raw)
    with contextlib.suppress(ScimError):
        document = normalize.resource(USER, raw)
        assert normalize.resource(USER, document) == document


@given(users, OPERATIONS)
def test_any_operation_is_applied_or_an_error(document: dict, operation: Operation) -> None:
    with contextlib.suppress(ScimError):
        patch.apply(USER, document, [operation])
    with contextlib.suppress(ScimError):
        patch.apply_to_group(GROUP, {"displayName": "Admins"}, [operation])


@given(st.text(max_size=30) | st.text(alphabet='()[]". eqandortyp\\', max_size=30))
def test_any_text_is_a_filter_or_an_error(text: str) -> None:
    with contextlib.suppress(ScimError):
        tree = filters.parse(text)
        assert filters.parse(filters.render(tree)) == tree
