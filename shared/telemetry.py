"""Logs and metrics, set up once a process; traces come by `traceparent` inside the events.

A log event is a constant `subject.past_verb`, facts are keys. Only the keys listed here leave the
process: names, addresses, tokens, bodies and SQL values have no key to travel by.
"""

import logging
import sys
import time
from typing import Any

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
PUBLISHED = Counter("rollcall_relay_published_total", "Records acknowledged by Kafka")
OUTBOX_AGE = Gauge("rollcall_relay_oldest_seconds", "Age of the oldest record published last")
CONSUMED = Counter(
    "rollcall_consumer_events_total", "Events read, by what the gate said", ["topic", "verdict"]
)
PARKED = Counter("rollcall_consumer_parked_total", "Directories parked", ["topic"])


def setup(service: str, *, log_format: str, log_level: str) -> None:
    """Configure structlog and the standard library's logging to write to standard error."""
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(colors=False)
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            drop_unlisted_keys,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(log_level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, handlers=[LibraryLog()], force=True)


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
