"""A SCIM call as it was noted beside the request path, and as the request log keeps it: masked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.ingest.domain import masking, providers
from services.ingest.domain.providers import Traits
from shared.contracts.ids import DirectoryId, first_id_at

FAILED = 400
_STATUSES: Mapping[str, tuple[int, int]] = {"ok": (0, FAILED - 1), "failed": (FAILED, 599)}
_ALL = (0, 599)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_AGENT_CHARS = 200
_TYPE_CHARS = 100
_DETAIL_CHARS = 1000


class Call(NamedTuple):
    """A call as it came in, unmasked: it lives in memory until it is written down, a second or so.

    `target` is the raw path and query below the directory; `body` is None where it was not kept.
    A plain tuple, since one is made in every request.
    """

    directory: DirectoryId
    id: str
    at: datetime
    method: str
    target: str
    user_agent: str | None
    content_type: str | None
    names_entra_version: bool
    status: int
    duration_ms: float
    key_id: str | None
    token_last_four: str | None
    body: bytes | None
    body_bytes: int
    answer: bytes | None


class Decoded(NamedTuple):
    """A body as JSON, or where it stops being JSON."""

    value: Any = None
    error_at: int | None = None


class Entry(NamedTuple):
    """A call as the request log keeps it; `body` is masked JSON, None without one."""

    directory: DirectoryId
    id: str
    at: datetime
    method: str
    path: str
    query: str
    status: int
    duration_ms: float
    provider: str
    scim_type: str | None = None
    detail: str | None = None
    user_agent: str | None = None
    content_type: str | None = None
    key_id: str | None = None
    token_last_four: str | None = None
    body_bytes: int = 0
    body_error_at: int | None = None
    body: Any = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which calls to show, newest first; `text` is part of path or query, or a whole request id.

    `since` is inside the range, `until` and the entry `after` which a page starts are not.
    """

    since: datetime | None = None
    until: datetime | None = None
    after: str | None = None
    statuses: tuple[int, int] = _ALL
    method: str | None = None
    text: str | None = None

    @property
    def first_id(self) -> str:
        """The smallest id that is shown."""
        return first_id_at(self.since) if self.since else first_id_at(_EPOCH)

    @property
    def before_id(self) -> str:
        """The border above the largest id that is shown."""
        end = first_id_at(self.until) if self.until else _LARGEST_ID
        return min(end, self.after or end)


def statuses(words: str | None) -> tuple[int, int]:
    """Return the lowest and highest status of `ok`, `failed`, `4xx`, `409`; all for None."""
    if words is None:
        return _ALL
    if words in _STATUSES:
        return _STATUSES[words]
    return int(words.replace("x", "0")), int(words.replace("x", "9"))


def entry(call: Call, sent: Decoded, answer: Mapping[str, Any]) -> Entry:
    """Return what is kept of a call; `answer` is the decoded error message, empty without one."""
    path, _, query = call.target.partition("?")
    traits = Traits(call.user_agent, call.names_entra_version, call.target, sent.value)
    detail = answer.get("detail")
    return Entry(
        call.directory,
        call.id,
        call.at,
        call.method[:_TYPE_CHARS],
        _clean(masking.url_path(path)),
        _clean(masking.query(query)),
        call.status,
        call.duration_ms,
        providers.guess(traits),
        scim_type=answer.get("scimType"),
        detail=_clean(masking.detail(detail, sent.value, path))[:_DETAIL_CHARS] if detail else None,
        user_agent=call.user_agent and _clean(call.user_agent)[:_AGENT_CHARS],
        content_type=call.content_type and _clean(call.content_type)[:_TYPE_CHARS],
        key_id=call.key_id,
        token_last_four=call.token_last_four,
        body=None if sent.value is None else masking.document(sent.value),
        body_bytes=call.body_bytes,
        body_error_at=sent.error_at,
    )


def last_four(authorization: str) -> str | None:
    """Return how a refused bearer token ended, None when that would be most of it.

    Never of Basic: its end is the end of a password.
    """
    word, _, value = authorization.strip().rpartition(" ")
    if word.lower() == "basic" or len(value) < 4 * 4 or not value.isascii():
        return None
    return value[-4:]


def _clean(text: str) -> str:
    """Return text that Postgres stores: no NUL, no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "�")
