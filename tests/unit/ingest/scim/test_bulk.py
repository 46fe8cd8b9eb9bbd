"""Bulk as values: operations, references and their order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.scim import bulk
from services.ingest.scim.bulk import references
from services.ingest.scim.errors import (
    InvalidSyntax,
    InvalidValue,
    MethodNotAllowed,
    NotFound,
    TooManyOperations,
    Unresolved,
)

ENDPOINTS = {"Users": "User", "Groups": "Group"}


def job(*operations: Any, **fields: Any) -> bulk.Job:
    return bulk.job({"Operations": list(operations), **fields}, ENDPOINTS, 1000)


def post(bulk_id: str, *refers_to: str, endpoint: str = "Users") -> dict[str, Any]:
    members = [{"value": f"bulkId:{each}"} for each in refers_to]
    return {
        "method": "POST",
        "path": f"/{endpoint}",
        "bulkId": bulk_id,
        "data": {"members": members},
    }


def order(*operations: Any) -> list[list[str | None]]:
    return [[each.bulk_id for each in step] for step in bulk.steps(job(*operations).operations)]


def test_an_operation_says_whom_it_means() -> None:
    sent = {"method": "patch", "path": "/Users/u1", "version": 'W/"3"', "data": {"a": 1}}

    [operation] = job(sent).operations

    assert (operation.method, operation.kind, operation.key) == ("PATCH", "User", "u1")
    assert operation.when is not None
    assert operation.when.include(3)
    assert operation.fault is None


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (7, InvalidSyntax),
        ({}, InvalidSyntax),
        ({"method": "POST"}, InvalidSyntax),
        ({"method": 7, "path": "/Users"}, InvalidSyntax),
        ({"method": "POST", "path": "/Users"}, InvalidValue),
        ({"method": "POST", "path": "/Users", "bulkId": 7}, InvalidValue),
        ({"method": "GET", "path": "/Users"}, MethodNotAllowed),
        ({"method": "GET", "path": "/Users/u1"}, MethodNotAllowed),
        ({"method": "POST", "path": "/Users/u1", "bulkId": "a"}, MethodNotAllowed),
        ({"method": "PUT", "path": "/Users"}, MethodNotAllowed),
        ({"method": "POST", "path": "/Bulk", "bulkId": "a"}, NotFound),
        ({"method": "PUT", "path": "/Users/u1/name"}, NotFound),
        ({"method": "PUT", "path": "/Users/u1", "version": "3"}, InvalidValue),
        ({"method": "PUT", "path": "/Users/u1", "version": 3}, InvalidValue),
    ],
)
def test_what_is_wrong_with_one_operation_is_its_fault_alone(sent: Any, fault: type) -> None:
    wrong, right = job(sent, post("z")).operations

    assert isinstance(wrong.fault, fault)
    assert right.fault is None


def test_posts_of_one_bulk_id_are_all_refused_and_so_is_what_refers_to_it() -> None:
    first, second, third = job(post("a"), post("a"), post("b", "a")).operations

    assert isinstance(first.fault, InvalidValue)
    assert isinstance(second.fault, InvalidValue)
    assert third.refers_to == {"a"}
    assert order(post("b", "a"), post("a"), post("a")) == [["b"], ["a"], ["a"]]


@pytest.mark.parametrize("body", [None, [], "x", {}, {"Operations": []}, {"Operations": {}}])
def test_a_body_without_operations_is_refused(body: Any) -> None:
    with pytest.raises(InvalidSyntax):
        bulk.job(body, ENDPOINTS, 1000)


@pytest.mark.parametrize("limit", [0, -1, "1", 1.5, True])
def test_fail_on_errors_is_a_number_above_zero(limit: Any) -> None:
    with pytest.raises(InvalidValue):
        job(post("a"), failOnErrors=limit)


def test_too_many_operations_are_refused_as_a_whole() -> None:
    with pytest.raises(TooManyOperations):
        bulk.job({"Operations": [{}, {}, {}]}, ENDPOINTS, 2)


@pytest.mark.parametrize(
    ("text", "names", "replaced"),
    [
        ("bulkId:a", ["a"], "ID"),
        ("../Users/bulkId:a", ["a"], "../Users/ID"),
        ('members[value eq "bulkId:a"]', ["a"], 'members[value eq "ID"]'),
        ("the bulkId:a of it", [], "the bulkId:a of it"),
        ("bulkId:", [], "bulkId:"),
        ("bulkid:a", [], "bulkid:a"),
    ],
)
def test_a_reference_is_a_whole_value_an_address_or_quoted(
    text: str, names: list[str], replaced: str
) -> None:
    assert list(references.find({"x": [text]})) == names
    assert bulk.resolved({"x": [text]}, {"a": "ID"}) == {"x": [replaced]}


def test_a_reference_to_nothing_cannot_be_resolved() -> None:
    with pytest.raises(Unresolved) as refused:
        bulk.resolved([{"value": "bulkId:b"}], {"a": "ID"})

    assert refused.value.bulk_id == "b"


def test_what_is_nested_too_deep_does_not_overflow_the_stack() -> None:
    deep: Any = "bulkId:a"
    for _ in range(5000):
        deep = [deep]

    assert list(references.find(deep)) == []
    assert bulk.resolved({"x": 1, "deep": deep}, {})["x"] == 1


def test_operations_keep_their_order_where_nothing_refers_ahead() -> None:
    assert order(post("b"), post("a", "b"), post("c")) == [["b"], ["a"], ["c"]]


def test_what_an_operation_refers_to_goes_before_it() -> None:
    assert order(post("x"), post("g", "b"), post("y"), post("b", "a"), post("a")) == [
        ["x"],
        ["a"],
        ["b"],
        ["g"],
        ["y"],
    ]


def test_a_circle_is_one_step_and_comes_before_what_refers_to_it() -> None:
    assert order(post("g", "b"), post("a", "b"), post("b", "a"), post("c", "a")) == [
        ["a", "b"],
        ["g"],
        ["c"],
    ]


def test_a_chain_of_all_operations_is_no_problem() -> None:
    chain = [post(str(each), str(each + 1)) for each in range(999)]

    assert order(*chain, post("999")) == [[str(each)] for each in reversed(range(1000))]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, frozenset[str]]:
    names = [f"r{each}" for each in range(draw(st.integers(min_value=1, max_value=9)))]
    refers = st.frozensets(st.sampled_from(names), max_size=3)
    return {name: draw(refers) for name in names}


def reachable(graph: dict[str, frozenset[str]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        each = ahead.pop()
        if each not in found:
            found.add(each)
            ahead += graph[each]
    return found


@given(graphs(), st.randoms())
def test_any_order_of_the_same_operations_makes_the_same_steps_each_after_its_needs(
    graph: dict[str, frozenset[str]], random: Any
) -> None:
    shuffled = list(graph)
    random.shuffle(shuffled)

    done: set[str | None] = set()
    for step in order(*(post(each, *sorted(graph[each])) for each in shuffled)):
        circle = set(step)
        for each in step:
            assert each is not None
            assert graph[each] <= done | circle
            assert {
                other for other in reachable(graph, each) if each in reachable(graph, other)
            } | {each} == circle
        done |= circle

    assert done == set(graph)
