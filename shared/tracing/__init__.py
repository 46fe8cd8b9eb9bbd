"""One trace from a SCIM request to the role events that follow from it (ADR 0032).

    request ─ its events ─┬▶ publish
                          └▶ process, by each group ─ role events ─┬▶ publish
                                                                   └▶ process

Each arrow is a `traceparent`. Off unless there is an address to send spans to: then nothing here
makes any, OpenTelemetry is not even imported, and a caller's `traceparent` goes through as it came.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.tracing.otel import Spans

_spans: "Spans | None" = None


def setup(service: str, endpoint: str | None, share: float) -> None:
    """Send spans to an OTLP/HTTP endpoint from now on; of new traces, a share; None: send none."""
    global _spans  # noqa: PLW0603  # once a process, as logs and metrics are
    if endpoint:
        from shared.tracing.otel import Spans  # noqa: PLC0415  # costs time and memory where it is off

        _spans = Spans(service, endpoint, share)


def spans() -> "Spans | None":
    """Return who makes spans, None where tracing is off."""
    return _spans


def stop() -> None:
    """Send what is left; whoever is away gets nothing more."""
    if _spans:
        _spans.stop()
