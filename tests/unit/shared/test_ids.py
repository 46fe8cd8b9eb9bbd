"""Ids that sort by time: what the request log is keyed by."""

import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.ids import first_id_at, is_id, ordered_id

moments = st.integers(0, 4_000_000_000_000_000_000)
entropy = st.integers(0, 2**62 - 1)


@given(moments, moments, entropy, entropy)
def test_a_later_id_is_greater(one: int, other: int, a: int, b: int) -> None:
    earlier, later = sorted((one, other))

    # A quarter of a microsecond is what twelve bits tell apart.
    assert later - earlier < 1000 or ordered_id(earlier, a) < ordered_id(later, b)


@given(moments, entropy)
def test_an_id_is_a_uuid_of_version_seven(at_ns: int, random: int) -> None:
    made = ordered_id(at_ns, random)

    assert is_id(made)
    assert (uuid.UUID(made).version, uuid.UUID(made).variant) == (7, uuid.RFC_4122)


@given(st.datetimes(datetime(1980, 1, 1), datetime(2090, 1, 1)), entropy)  # noqa: DTZ001
def test_a_moment_is_a_border(naive: datetime, random: int) -> None:
    moment = naive.replace(tzinfo=UTC, microsecond=0)
    at_ns = int(moment.timestamp()) * 1_000_000_000

    assert ordered_id(at_ns - 1000, random) < first_id_at(moment) <= ordered_id(at_ns, random)


@given(st.one_of(st.uuids().map(str), st.text("0123456789abcdefABCDEF-{}\n", max_size=40)))
def test_an_id_is_a_uuid_as_we_write_it(text: str) -> None:
    try:
        expected = str(uuid.UUID(text)) == text
    except ValueError:
        expected = False

    assert is_id(text) is expected
