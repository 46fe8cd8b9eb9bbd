"""What one request may ask for: bounded, and the work grows with the size and not with its square.

Work is counted in function calls, which no loaded machine can change.
"""

import sys
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.scim import filter as filters
from services.ingest.scim import limits, normalize, patch
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import InvalidFilter, InvalidSyntax, InvalidValue, PayloadTooLarge
from services.ingest.scim.messages import Operation
from services.ingest.store.filters import compiled


def calls(work: Callable[[], object]) -> int:
    """Return how many functions are called, those written in C included."""
    counted = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


def emails(count: int) -> list[dict[str, Any]]:
    return [{"value": f"{number}@globex.test", "type": "work"} for number in range(count)]


def edits(count: int) -> list[Operation]:
    path = 'emails[type eq "work"].display'
    return [Operation("replace", path, str(number)) for number in range(count)]


ONE = {"userName": "ada", "emails": emails(1)}
WORK = {
    "a filter of many terms": lambda n: compiled(
        filters.parse(" or ".join(["emails.value pr"] * n)), USER
    ),
    "many elements": lambda n: normalize.resource(USER, {"userName": "a", "emails": emails(n)}),
    "many members": lambda n: normalize.group(
        GROUP, {"displayName": "a", "members": [{"value": str(each)} for each in range(n)]}
    ),
    "many made-up attributes": lambda n: normalize.resource(
        USER, {"userName": "a"} | {f"k{each}": each for each in range(n)}
    ),
    "many operations on one element": lambda n: patch.apply(USER, ONE, edits(n)),
    "one operation on many elements": lambda n: patch.apply(
        USER, {"userName": "a", "emails": emails(n)}, edits(1)
    ),
    "many members removed by filter": lambda n: patch.apply_to_group(
        GROUP,
        {"displayName": "a"},
        [Operation("remove", f'members[value eq "{each}"]') for each in range(n)],
    ),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK.keys())
def test_twice_as_much_costs_twice_as_much(work: Callable[[int], object]) -> None:
    ratio = calls(lambda: work(80)) / calls(lambda: work(40))

    assert ratio < 2.2


@pytest.mark.parametrize(
    ("operation", "count"),
    [
        (Operation("replace", 'emails[type eq "work"].display', "x"), 1000),
        (Operation("replace", f"emails[{' or '.join(['display pr'] * 90)}].type", "x"), 1),
        (Operation("remove", "emails", [{"value": str(each)} for each in range(1000)]), 1),
        (Operation("add", None, {f"k{each}": 1 for each in range(1001)}), 1),
        (Operation("add", "emails", [{"value": str(each)} for each in range(500)]), 50),
    ],
)
def test_many_times_many_is_refused_before_it_is_done(operation: Operation, count: int) -> None:
    document = {"userName": "ada", "emails": emails(1000)}

    def refused() -> None:
        with pytest.raises(PayloadTooLarge):
            patch.apply(USER, document, [operation] * count)

    assert calls(refused) < 1_000_000


def test_a_patch_has_a_thousand_operations_at_most() -> None:
    one = {"op": "replace", "path": "title", "value": "x"}

    assert len(normalize.operations({"Operations": [one] * 1000})) == 1000
    with pytest.raises(PayloadTooLarge):
        normalize.operations({"Operations": [one] * 1001})


def test_an_attribute_has_a_thousand_values_at_most_and_a_group_any_number_of_members() -> None:
    many = [{"value": str(each)} for each in range(1001)]

    with pytest.raises(InvalidValue):
        normalize.resource(USER, {"userName": "a", "emails": many})
    assert len(normalize.group(GROUP, {"displayName": "a", "members": many})[1]) == 1001


def test_a_filter_has_a_hundred_terms_at_most() -> None:
    filters.parse(" or ".join(["id pr"] * 100))

    with pytest.raises(InvalidFilter):
        filters.parse(" or ".join(["id pr"] * 101))


JSON = st.recursive(
    st.none() | st.integers(0, 9) | st.text('[]{},\\"a', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("[{", max_size=3), inner)
    ),
    max_leaves=20,
)  # fmt: skip


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, list | dict) + max(map(depth, inner), default=0)


@given(JSON, st.integers(0, 40))
def test_depth_is_counted_as_a_parser_would(value: Any, more: int) -> None:
    for _ in range(more):
        value = [value]
    is_deep = depth(value) > limits.MAX_DEPTH

    try:
        limits.check_shape(orjson.dumps(value))
    except InvalidSyntax:
        assert is_deep
    else:
        assert not is_deep


def test_a_body_holds_sixty_thousand_values_at_most() -> None:
    limits.check_shape(orjson.dumps([{"value": "x"}] * 20_000))

    with pytest.raises(InvalidSyntax):
        limits.check_shape(orjson.dumps([1] * 60_001))
