"""Envelopes: head and tail make one document, and nothing else is taken for one."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import envelope
from shared.contracts.directory_events import Cause
from shared.contracts.envelope import MalformedEventError, Origin, Position
from shared.contracts.ids import DirectoryId, OrganizationId

DIRECTORY = DirectoryId(str(uuid.UUID(int=7)))
ORIGIN = Origin(DIRECTORY, OrganizationId(str(uuid.UUID(int=8))), datetime(2026, 1, 2, tzinfo=UTC))
DATA = Cause(kind="scim", id="request")


def record(position: Position = Position(1, 42)) -> bytes:  # noqa: B008  # frozen
    tail = envelope.tail("rollcall.test.v1", "users/1", ORIGIN, DATA)
    return envelope.head(DIRECTORY, position) + tail


@given(st.integers(1, 99), st.integers(1, 10**15))
def test_what_is_written_is_read_back(generation: int, sequence: int) -> None:
    event = envelope.parse(record(Position(generation, sequence)))

    assert event.position == Position(generation, sequence)
    assert event.id == f"{DIRECTORY}:{generation}:{sequence}"
    assert event.directory == DIRECTORY
    assert event.time == ORIGIN.time
    assert event.data == {"kind": "scim", "id": "request", "actor": None}


@given(st.text(), st.datetimes(timezones=st.just(UTC)))
def test_the_time_is_found_in_a_tail_whatever_stands_before_it(
    subject: str, time: datetime
) -> None:
    origin = replace(ORIGIN, time=time)

    tail = envelope.tail("rollcall.test.v1", f'{subject}"time":"', origin, DATA)

    assert envelope.time_of(tail) == time
    assert envelope.time_of(b"{}") is None


def test_sequences_sort_as_text_in_the_order_of_their_numbers() -> None:
    documents = [json.loads(record(Position(1, number))) for number in (9, 10, 100)]

    assert [each["sequence"] for each in documents] == sorted(
        each["sequence"] for each in documents
    )


@pytest.mark.parametrize(
    "broken",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        record().replace(str(DIRECTORY).encode(), b"somewhere"),
        record().replace(b'"generation":1', b'"generation":"x"'),
        record().replace(b"2026-01-02", b"yesterday"),
        b'{"specversion":"1.0"}',
    ],
)
def test_anything_else_is_malformed(broken: bytes | None) -> None:
    with pytest.raises(MalformedEventError):
        envelope.parse(broken)


@given(
    st.binary()
    | st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_no_record_is_more_than_malformed(value: bytes) -> None:
    with pytest.raises(MalformedEventError):
        envelope.parse(value)


@given(
    st.dictionaries(
        st.sampled_from(sorted(json.loads(record()))), st.none() | st.text() | st.integers()
    )
)
def test_a_document_with_odd_values_is_read_or_malformed(odd: dict[str, Any]) -> None:
    document = json.loads(record()) | odd

    try:
        event = envelope.parse(json.dumps(document).encode())
    except MalformedEventError:
        return
    assert isinstance(event.data, dict)
