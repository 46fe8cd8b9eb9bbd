"""A search means the same as a query string and as a body."""

import pytest

from services.ingest.scim import search
from services.ingest.scim.errors import InvalidCount, InvalidCursor, InvalidSyntax, InvalidValue
from services.ingest.scim.search import SearchRequest

WANTED = SearchRequest(
    filter="title pr",
    sort_by="userName",
    is_descending=True,
    start_index=3,
    count=7,
    attributes=frozenset({"userName", "emails.value"}),
)


def test_a_query_and_a_body_are_one_search() -> None:
    query = {
        "filter": "title pr",
        "sortBy": "userName",
        "sortOrder": "descending",
        "startIndex": "3",
        "count": "7",
        "attributes": "userName, emails.value",
    }
    body = query | {"STARTINDEX": 3, "count": 7, "attributes": ["userName", "emails.value"]}

    assert search.read(query) == search.read(body) == WANTED


@pytest.mark.parametrize(
    "raw", [{}, {"filter": "", "count": "", "startIndex": "", "attributes": ""}, {"count": None}]
)
def test_what_is_unassigned_is_absent(raw) -> None:
    assert search.read(raw) == SearchRequest()


@pytest.mark.parametrize(
    ("raw", "start", "count"),
    [
        ({"startIndex": 0, "count": -3}, 1, 0),
        ({"startIndex": "-9", "count": "0"}, 1, 0),
        ({"startIndex": 2**70, "count": 2**70}, 2**31 - 1, search.MAX_RESULTS),
    ],
)
def test_numbers_are_bounded(raw, start: int, count: int) -> None:
    request = search.read(raw)

    assert (request.start_index, request.count) == (start, count)


@pytest.mark.parametrize("raw", [None, [], "text", 3])
def test_a_body_is_an_object(raw) -> None:
    with pytest.raises(InvalidSyntax):
        search.read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        {"filter": 3},
        {"sortOrder": "up"},
        {"sortOrder": []},
        {"count": True},
        {"count": 1.5},
        {"startIndex": "1e3"},
        {"startIndex": "9" * 9999},
        {"attributes": 3},
        {"excludedAttributes": ["a", 3]},
        {"cursor": 1},
    ],
)
def test_a_wrong_type_is_an_invalid_value(raw) -> None:
    with pytest.raises(InvalidValue):
        search.read(raw)


def test_a_cursor_goes_with_a_count_of_one_or_more_and_no_index() -> None:
    assert search.read({"cursor": "", "startIndex": 1}).cursor == ""
    with pytest.raises(InvalidCount):
        search.read({"cursor": "", "count": 0})
    with pytest.raises(InvalidCursor):
        search.read({"cursor": "", "startIndex": 2})
