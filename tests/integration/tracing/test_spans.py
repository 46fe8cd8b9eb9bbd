"""Which events have a span, and what it says; the collector here is real, the services are not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared import tracing
from shared.contracts import envelope
from shared.contracts.directory_events import Cause, DirectoryCreated
from shared.contracts.envelope import Envelope, Origin, Position
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.tracing import events
from shared.tracing.otel import Spans
from tests.support.collector import Collector, Seen, collecting

DIRECTORY = DirectoryId("0d000000-0000-4000-8000-000000000001")
SENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TOPIC = "directory.events.v1"
Sent = Callable[[], Awaitable[list[Seen]]]


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as found:
        yield found


@pytest.fixture
def sent(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Switch tracing on; what it returns ends it and gives what arrived."""
    monkeypatch.setattr(tracing, "_spans", Spans("test", collector.url, 1.0))

    async def ended() -> list[Seen]:
        await asyncio.to_thread(tracing.stop)
        return collector.spans

    return ended


def made(sequence: int, *, at: datetime | None = None, traceparent: str | None = SENT) -> Envelope:
    owner = OrganizationId("0a000000-0000-4000-8000-000000000001")
    origin = Origin(DIRECTORY, owner, at or datetime.now(UTC), traceparent)
    data = DirectoryCreated(
        cause=Cause(kind="scim", id="r"), id=DIRECTORY, name="Acme", provider="generic"
    )
    head = envelope.head(DIRECTORY, Position(1, sequence))
    return envelope.parse(head + envelope.tail(data.type, "directory", origin, data))


async def test_each_event_of_a_trace_has_a_span_and_what_follows_carries_on_from_it(
    sent: Sent,
) -> None:
    batch = [made(1), made(2)]
    applied: list[Envelope] = []

    async def apply(_tx: None, given: Sequence[Envelope]) -> None:
        applied.extend(given)

    await events.followed(apply, "roles", TOPIC)(None, batch)

    spans = await sent()
    assert [(span.name, span.kind, span.parent) for span in spans] == [
        (f"{TOPIC} process", "CONSUMER", "b7ad6b7169203331")
    ] * 2
    assert [one.traceparent for one in applied] == [span.traceparent for span in spans]
    assert [replace(one, traceparent=SENT) for one in applied] == batch


async def test_a_batch_that_fails_says_so_and_fails_as_it_did(sent: Sent) -> None:
    async def apply(_tx: None, _given: Sequence[Envelope]) -> None:
        raise ValueError("ada@globex.example")

    with pytest.raises(ValueError, match="ada"):
        await events.followed(apply, "roles", TOPIC)(None, [made(1)])

    [span] = await sent()
    assert span.failed
    assert "ada" not in repr(span)


@pytest.mark.parametrize(
    "event",
    [
        made(1, traceparent=None),
        made(1, traceparent=SENT[:-2] + "00"),
        made(1, at=datetime.now(UTC) - timedelta(hours=2)),
    ],
    ids=["of no trace", "of one that is not kept", "of long ago"],
)
async def test_an_event_without_a_span_goes_through_as_it_came(sent: Sent, event: Envelope) -> None:
    applied: list[Envelope] = []

    async def apply(_tx: None, given: Sequence[Envelope]) -> None:
        applied.extend(given)

    await events.followed(apply, "projector-2", TOPIC)(None, [event])

    assert applied == [event]
    assert await sent() == []


async def test_a_record_that_is_published_has_a_span_from_when_it_was_stored(sent: Sent) -> None:
    origin = Origin(DIRECTORY, OrganizationId("o"), datetime.now(UTC), SENT)
    data = DirectoryCreated(cause=Cause(kind="scim", id="r"), id=DIRECTORY, name="", provider="")
    stored_at = datetime.now(UTC) - timedelta(seconds=3)

    events.published(TOPIC, DIRECTORY, envelope.tail(data.type, "", origin, data), stored_at)
    events.published(TOPIC, DIRECTORY, b"", stored_at)

    [span] = await sent()
    assert (span.name, span.kind, span.parent) == (
        f"{TOPIC} publish",
        "PRODUCER",
        "b7ad6b7169203331",
    )
    assert 3.0 <= (span.end - span.start) / 1e9 < 4.0


@pytest.mark.parametrize(("share", "kept"), [(0.0, 0), (1.0, 1)])
async def test_of_new_traces_a_share_is_kept_and_of_others_what_their_caller_decided(
    collector: Collector, share: float, kept: int
) -> None:
    spans = Spans("test", collector.url, share)

    for parent in (None, SENT, SENT[:-2] + "00"):
        spans.start("a request", "SERVER", {}, parent=parent).end()
    await asyncio.to_thread(spans.stop)

    assert len(collector.of(SENT)) == 1
    assert len(collector.spans) == kept + 1
