"""What a `traceparent` is, and that nothing is made where tracing is off."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import tracing
from shared.contracts import envelope, traceparent
from shared.contracts.directory_events import Cause, DirectoryCreated
from shared.contracts.envelope import Envelope, Origin
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.tracing import events

SENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ORIGIN = Origin(
    DirectoryId("0d000000-0000-4000-8000-000000000001"),
    OrganizationId("0a000000-0000-4000-8000-000000000001"),
    datetime(2026, 1, 2, tzinfo=UTC),
)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        None,
        7,
        SENT.upper(),
        SENT + "-more",
        SENT.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        SENT + "\n",
    ],
)
def test_what_is_no_traceparent_is_not_passed_on(sent: object) -> None:
    assert traceparent.parsed(sent) is None


def test_the_last_bit_says_whether_spans_are_kept() -> None:
    assert traceparent.parsed(SENT) == SENT
    assert traceparent.is_sampled(SENT)
    assert not traceparent.is_sampled(SENT[:-2] + "00")
    assert traceparent.is_sampled(SENT[:-2] + "03")


@pytest.mark.parametrize("carried", [SENT, None])
@given(text=st.text() | st.just('","data":{"traceparent":"') | st.just(SENT))
def test_a_tail_tells_its_own_traceparent_whatever_it_holds(carried: str | None, text: str) -> None:
    origin = Origin(ORIGIN.directory, ORIGIN.organization, ORIGIN.time, carried)
    cause = Cause(kind="scim", id=text, actor=f'"traceparent":"{SENT}"')
    made = DirectoryCreated(cause=cause, id=ORIGIN.directory, name=text, provider="generic")

    tail = envelope.tail(made.type, text, origin, made)

    assert envelope.traceparent_of(tail) == carried


async def _apply(_tx: object, _events: Sequence[Envelope]) -> None:
    """Do nothing."""


def test_where_tracing_is_off_a_handler_is_what_it_was() -> None:
    assert tracing.spans() is None
    assert events.followed(_apply, "roles", "directory.events.v1") is _apply


@pytest.mark.parametrize("service", ["ingest", "roles", "projector", "portal"])
def test_a_service_loads_nothing_of_opentelemetry_until_spans_are_wanted(service: str) -> None:
    code = (
        f"import sys, services.{service}.app\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
