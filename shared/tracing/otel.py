"""OpenTelemetry's part: spans, made with an explicit parent, sent in batches by a thread.

What does not fit the queue is dropped, so that a collector that is away costs spans and no more.
Further settings of the library (`OTEL_…`) are in the environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Literal, TypeAlias

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Kind: TypeAlias = Literal["SERVER", "PRODUCER", "CONSUMER"]
Facts: TypeAlias = Mapping[str, str | int]
"""Attributes of a span: ids, numbers and names of ours, never what a provider sent."""
_PROPAGATOR = TraceContextTextMapPropagator()
_SEND_WITHIN_S = 5


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """A span that has begun, and the `traceparent` of what follows from it."""

    span: Span
    traceparent: str

    def end(
        self, facts: Facts | None = None, *, failed: bool = False, at: datetime | None = None
    ) -> None:
        """End it, now or at a moment."""
        self.span.set_attributes(facts or {})
        if failed:
            self.span.set_status(StatusCode.ERROR)
        self.span.end(_nanoseconds(at))


class Spans:
    """Makes the spans of one service and sends them."""

    def __init__(self, service: str, endpoint: str, share: float) -> None:
        self._provider = TracerProvider(
            resource=Resource.create(
                {
                    "service.name": f"rollcall-{service}",
                    "service.version": version("rollcall"),
                }
            ),
            # What ingest decided, or who called it, holds for everybody behind it.
            sampler=ParentBased(TraceIdRatioBased(share)),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_SEND_WITHIN_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("rollcall")

    def start(
        self,
        name: str,
        kind: Kind,
        facts: Facts,
        *,
        parent: str | None,
        at: datetime | None = None,
    ) -> OpenSpan:
        """Begin a span, now or at a moment; without a parent it begins a trace."""
        # An empty context: nothing of this process is its parent by accident.
        context = _PROPAGATOR.extract({"traceparent": parent} if parent else {}, Context())
        span = self._tracer.start_span(
            name, context, SpanKind[kind], attributes=facts, start_time=_nanoseconds(at)
        )
        return OpenSpan(span, _traceparent(span))

    def stop(self) -> None:
        """Send what is left, and end the thread."""
        self._provider.shutdown()


def _traceparent(span: Span) -> str:
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, set_span_in_context(span, Context()))
    return carrier["traceparent"]


def _nanoseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1e9)
