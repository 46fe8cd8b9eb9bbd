"""Errors say what is wrong and what to do, from their fields."""

import inspect

import pytest

from services.ingest.scim import errors
from services.ingest.scim.errors import ScimError

CLASSES = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, ScimError) and each is not ScimError
]
SAMPLES = {
    "reason": "it is odd",
    "attribute": "userName",
    "path": "name.odd",
    "limit": "1024 bytes",
}
SAMPLES |= {"resource_type": "User", "id": "u1", "feature": "bulk", "method": "PUT"}
SAMPLES |= {"bulk_id": "a", "max_operations": 1000, "timeout_s": 600}
SAMPLES |= {"retry_after_s": 7, "within_s": 15}
SAMPLES |= {"allowed": ("GET", "POST")}


def _sample(kind: type[ScimError]) -> ScimError:
    fields = inspect.signature(kind).parameters if kind.__init__ is not Exception.__init__ else {}
    return kind(**{name: SAMPLES[name] for name in fields})


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_detail_is_whole_sentences_with_every_field_in_them(kind) -> None:
    error = _sample(kind)

    assert "{" not in error.detail
    assert "\n" not in error.detail
    assert error.detail.count(". ") >= 1
    assert error.detail.endswith(".")
    assert str(error) == error.detail


def test_the_detail_of_a_conflict_names_the_attribute() -> None:
    detail = errors.Uniqueness(attribute="userName").detail

    assert detail.startswith("Another resource of this directory already has this userName.")


def test_allowed_methods_are_listed_as_words() -> None:
    detail = errors.MethodNotAllowed(method="PUT", allowed=("GET", "POST")).detail

    assert detail == "The method PUT is not allowed here. Allowed: GET, POST."


def test_braces_in_a_field_stay_as_they_are() -> None:
    assert "{attribute}" in errors.InvalidPath("{attribute}").detail


def test_each_class_is_in_the_tree_of_the_module() -> None:
    tree = errors.__doc__ or ""

    assert [each.__name__ for each in CLASSES if each.__name__ not in tree] == []
