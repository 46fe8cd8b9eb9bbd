"""The place of events in a trace: how long each waited for Kafka, and who made what of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from shared import tracing
from shared.contracts import envelope, traceparent
from shared.contracts.envelope import Envelope
from shared.contracts.ids import DirectoryId

if TYPE_CHECKING:
    from shared.tracing.otel import OpenSpan, Spans

Tx = TypeVar("Tx")
Apply: TypeAlias = Callable[[Tx, Sequence[Envelope]], Awaitable[None]]
# Who reads the log again, for a rebuild or after a fault, has no part in what happened then.
_OLD = timedelta(hours=1)


def published(topic: str, directory: DirectoryId, tail: bytes, stored_at: datetime) -> None:
    """Tell of a record that Kafka has by now: a span from when it was stored."""
    spans = tracing.spans()
    parent = envelope.traceparent_of(tail) if spans else None
    if spans is None or not _is_followed(parent):
        return
    facts = _facts(topic, directory)
    span = spans.start(f"{topic} publish", "PRODUCER", facts, parent=parent, at=stored_at)
    span.end()


def followed(apply: "Apply[Tx]", group: str, topic: str) -> "Apply[Tx]":
    """Return the handler with a span for each event that belongs to a trace.

    What the handler makes of an event carries on from that span. The handler itself where tracing
    is off.
    """
    spans = tracing.spans()
    if spans is None:
        return apply

    async def follow(tx: Tx, events: Sequence[Envelope]) -> None:
        begun = [_begun(spans, group, topic, event) for event in events]
        is_applied = False
        try:
            await apply(tx, list(map(_within, begun, events)))
            is_applied = True
        finally:
            for span in begun:
                if span:
                    span.end(failed=not is_applied)

    return follow


def _begun(spans: "Spans", group: str, topic: str, event: Envelope) -> "OpenSpan | None":
    is_old = datetime.now(UTC) - event.time > _OLD
    if is_old or not _is_followed(event.traceparent):
        return None
    facts = {
        **_facts(topic, event.directory),
        "messaging.consumer.group.name": group,
        "messaging.message.id": event.id,
        "rollcall.event_type": event.type,
    }
    return spans.start(f"{topic} process", "CONSUMER", facts, parent=event.traceparent)


def _within(span: "OpenSpan | None", event: Envelope) -> Envelope:
    return replace(event, traceparent=span.traceparent) if span else event


def _is_followed(parent: str | None) -> bool:
    return parent is not None and traceparent.is_sampled(parent)


def _facts(topic: str, directory: DirectoryId) -> dict[str, str]:
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "rollcall.directory_id": directory,
    }
