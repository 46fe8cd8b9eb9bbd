"""Cursors (RFC 9865): where a page ended, opaque, and good for that very search alone.

    base64url( HMAC-SHA-256, 16 bytes | JSON [expiry, count, total, sort value, id] )

The signature covers the directory, the types, filter and order too, which the client repeats
anyway: so a changed search, a foreign cursor and a forged one look the same (§5).
"""

import base64
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

from services.ingest.scim.errors import ExpiredCursor, InvalidCount, InvalidCursor

TIMEOUT_S = 3600
_MAX_CHARS = 8192
_SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Position:
    """Behind which resource a page starts (its sort value and id); `total` as first counted."""

    total: int
    key: str | None
    id: str


@dataclass(frozen=True, slots=True)
class Search:
    """The search that a cursor belongs to; `scope` holds all that a client must repeat."""

    scope: tuple[object, ...]
    count: int


def key_of(pepper: str) -> bytes:
    """Return the key that signs cursors, from the secret that also protects tokens."""
    return hmac.digest(pepper.encode(), b"rollcall cursor 1", "sha256")


def encode(key: bytes, search: Search, position: Position, now: float) -> str:
    """Return the text of a cursor; `now` in seconds. URI-unreserved characters only."""
    expiry = int(now) + TIMEOUT_S
    content = _json([expiry, search.count, position.total, position.key, position.id])
    return _text(_signature(key, search, content) + content)


def decode(key: bytes, search: Search, text: str, now: float) -> Position:
    """Return where the page before ended. Raises InvalidCursor, ExpiredCursor, InvalidCount."""
    signed = _bytes(text)
    signature, content = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(key, search, content)):
        raise InvalidCursor
    expiry, count, total, sort_key, last = json.loads(content)
    if now > expiry:
        raise ExpiredCursor(TIMEOUT_S)
    if count != search.count:
        raise InvalidCount
    return Position(total, sort_key, last)


def _bytes(text: str) -> bytes:
    if len(text) > _MAX_CHARS or not text.isascii():
        raise InvalidCursor
    try:
        signed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise InvalidCursor from error
    # The last character has spare bits: one cursor, one text.
    if _text(signed) != text:
        raise InvalidCursor
    return signed


def _text(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def _signature(key: bytes, search: Search, content: bytes) -> bytes:
    return hmac.digest(key, _json(search.scope) + b"\n" + content, "sha256")[:_SIGNATURE_BYTES]


def _json(parts: Sequence[object]) -> bytes:
    return json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
