"""A collector of spans that understands OTLP over HTTP by the public protobuf alone."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from deploy.local import ports


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as it arrived; ids are hexadecimal, moments nanoseconds since 1970."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: str
    start: int
    end: int
    failed: bool
    facts: dict[str, Any]

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace}-{self.id}-01"


@dataclass(frozen=True, slots=True)
class Collector:
    """What was sent to `url` so far, as bytes and as spans."""

    url: str
    bodies: list[bytes] = field(default_factory=list)

    @property
    def spans(self) -> list[Seen]:
        return [span for body in self.bodies for span in _spans(body)]

    def of(self, traceparent: str) -> list[Seen]:
        """Return the spans of the trace that a `traceparent` names."""
        return [span for span in self.spans if span.trace == traceparent.split("-")[1]]

    async def take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        self.bodies.append(await request.read())
        body = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Yield a collector that listens."""
    port = ports.choose()
    collector = Collector(f"http://127.0.0.1:{port}")
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield collector
    finally:
        await runner.cleanup()


def _spans(body: bytes) -> Iterator[Seen]:
    message = ExportTraceServiceRequest()
    message.ParseFromString(body)
    for sent in message.resource_spans:
        service = _facts(sent.resource.attributes)["service.name"]
        for scope in sent.scope_spans:
            yield from (_seen(service, span) for span in scope.spans)


def _seen(service: str, span: Span) -> Seen:
    return Seen(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == Status.STATUS_CODE_ERROR,
        _facts(span.attributes),
    )


def _facts(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
        for one in attributes
    }
