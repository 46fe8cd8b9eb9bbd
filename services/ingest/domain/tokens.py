"""Bearer tokens: `scim_<key id>_<43 random characters><6 of checksum>`.

Stored as HMAC-SHA-256 under a pepper, found by key id. With 256 random bits a slow password hash
would add nothing but time (event architecture, section 11).
"""

import base64
import zlib
from dataclasses import dataclass, field
from datetime import datetime

from services.ingest.domain.peppers import Digest
from services.ingest.domain.rates import Limit
from services.ingest.scim.definitions import TYPES, Types
from shared.contracts.ids import DirectoryId, OrganizationId

PREFIX = "scim"
_RANDOM_CHARS = 43
_CHECKSUM_CHARS = 6


@dataclass(frozen=True, slots=True)
class Token:
    """A token as stored, without its value."""

    id: str
    directory: DirectoryId
    label: str
    digest: Digest
    last_four: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    first_used_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Tell whether the token opens its directory."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True, slots=True)
class Access:
    """What a live token opens."""

    key_id: str
    directory: DirectoryId
    organization: OrganizationId
    provider: str
    expires_at: datetime | None
    types: Types = field(default_factory=lambda: TYPES)
    limit: Limit | None = None
    is_paused: bool = False


def compose(key_id: str, random: bytes) -> str:
    """Return the value of a token; `random` is 32 bytes."""
    secret = base64.urlsafe_b64encode(random).decode().rstrip("=")
    return f"{PREFIX}_{key_id}_{secret}{_checksum(key_id, secret)}"


def key_id_of(value: str) -> str | None:
    """Return the key id of a well-formed token, None for anything else: most typos end here."""
    prefix, _, rest = value.partition("_")
    key_id, _, body = rest.partition("_")
    secret, checksum = body[:_RANDOM_CHARS], body[_RANDOM_CHARS:]
    if prefix != PREFIX or not key_id or not value.isascii():
        return None
    return key_id if checksum == _checksum(key_id, secret) else None


def _checksum(key_id: str, secret: str) -> str:
    number = zlib.crc32(f"{key_id}_{secret}".encode())
    return base64.urlsafe_b64encode(number.to_bytes(4)).decode()[:_CHECKSUM_CHARS]
