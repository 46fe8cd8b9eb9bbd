"""Logs and metrics, set up once a process; traces are in `shared/tracing`.

A log event is a constant `subject.past_verb`, facts are keys. Only the keys listed here leave the
process: names, addresses, tokens, bodies and SQL values have no key to travel by.
"""

import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from prometheus_client import Counter, Gauge, Histogram
from structlog.typing import EventDict, WrappedLogger

ALLOWED_KEYS = frozenset({
    "address", "attempt", "changes", "components", "count", "directory_id", "dropped",
    "duration_ms", "error", "event", "events", "exception", "group_id", "job", "key_id", "lane",
    "level", "logger", "method", "migration", "next_offset", "offset", "oldest_ms",
    "organization_id", "parked", "partition", "port", "reason", "repeated", "request_id", "role",
    "route", "scim_type", "sequence", "service", "skipped", "status", "timestamp", "topic",
    "traceparent", "transitions", "type", "user_id",
})  # fmt: skip

REQUESTS = Histogram(
    "rollcall_http_request_seconds",
    "Time to answer a request, by route and status",
    ["service", "route", "method", "status"],
)
REFUSED = Counter(
    "rollcall_refused_total",
    "Refused for load: directory_rate, directory_in_flight (429), in_flight, pool_wait, backlog, "
    "disk_full, deadline, connections, connections_of_peer (503), slow_request (408), slow_reader",
    ["reason"],
)
OUTBOX_ROWS = Gauge("rollcall_outbox_rows", "Records that wait for Kafka, by lane", ["lane"])
OUTBOX_OLDEST = Gauge("rollcall_outbox_oldest_seconds", "Age of the oldest of them", ["lane"])
PUBLISHED = Counter("rollcall_relay_published_total", "Records acknowledged by Kafka")
OUTBOX_AGE = Gauge("rollcall_relay_oldest_seconds", "Age of the oldest record published last")
# From a few ms, as it should be, to the hours of an outage or a rebuild.
_AGES_S = (
    0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
    3600,
)  # fmt: skip
OUTBOX_WAIT = Histogram(
    "rollcall_outbox_wait_seconds",
    "From storing a record to Kafka's acknowledgement, by topic",
    ["topic"],
    buckets=_AGES_S,
)
PUBLISHED_AGE = Histogram(
    "rollcall_change_to_published_seconds",
    "From the change that an event follows from to Kafka's acknowledgement of the event, by topic; "
    "role.events.v1: the revocation clock",
    ["topic"],
    buckets=_AGES_S,
)
APPLIED_AGE = Histogram(
    "rollcall_change_to_applied_seconds",
    "From the change that an event follows from to the commit of what a consumer made of it",
    ["group", "topic"],
    buckets=_AGES_S,
)
CONSUMED = Counter(
    "rollcall_consumer_events_total", "Events read, by what the gate said", ["topic", "verdict"]
)
REQUEST_LOG_DROPPED = Counter(
    "rollcall_request_log_dropped_total",
    "SCIM calls that the request log lacks: full (Postgres away or slow), refused (too many with"
    "out a good token), fault; body: kept without their body",
    ["reason"],
)
HALTED = Gauge(
    "rollcall_consumer_halted",
    "1 while the log lacks what this consumer group reads next: roles, or the live read model's",
    ["group"],
)
STOPPED = Counter(
    "rollcall_consumer_stopped_total",
    "Directories whose events are no longer applied: parked or stalled",
    ["topic", "state"],
)
STOPPED_NOW = Gauge(
    "rollcall_consumer_stopped_directories",
    "Directories that are parked or stalled now",
    ["group", "topic", "state"],
)
FENCED = Gauge("rollcall_fence_waiting", "Losses of roles that wait behind a fence")
FENCED_DIRECTORIES = Gauge("rollcall_fence_directories", "Directories in which some wait")


def setup(service: str, *, log_format: str, log_level: str) -> None:
    """Configure structlog and the standard library's logging to write to standard error."""
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(colors=False)
    logger_factory: Callable[..., WrappedLogger] = structlog.PrintLoggerFactory(sys.stderr)
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer(serializer=orjson.dumps)
        logger_factory = structlog.BytesLoggerFactory(sys.stderr.buffer)
    structlog.configure(
        processors=[
            _stamped(service),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            drop_unlisted_keys,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(log_level)),
        logger_factory=logger_factory,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[LibraryLog()], force=True)


def _stamped(service: str) -> structlog.typing.Processor:
    """Return a processor that says who and when: each line needs it, so it is one step."""

    def stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        event["timestamp"] = f"{datetime.now(UTC).isoformat()[:-6]}Z"
        return event

    return stamp


def drop_unlisted_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep only keys that cannot carry personal data or secrets."""
    return {key: value for key, value in event.items() if key in ALLOWED_KEYS}


class LibraryLog(logging.Handler):
    """Passes on what libraries log: where and how bad, one line a second each.

    The text stays out, since it may hold values; aiokafka writes hundreds of lines a second while
    a broker is away.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, unless this library wrote one within the last second."""
        now = time.monotonic()
        if now - self._last.get(record.name, 0.0) < 1.0:
            return
        self._last[record.name] = now
        facts: dict[str, Any] = {"logger": record.name, "reason": str(record.msg)[:120]}
        if record.exc_info and record.exc_info[0]:
            facts["error"] = record.exc_info[0].__name__
        structlog.get_logger().log(record.levelno, "library.warned", **facts)
