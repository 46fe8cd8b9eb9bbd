"""Bearer tokens: which live, which expire soon, and how far a rotation is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.contracts.management import Token

EXPIRING_WITHIN = timedelta(days=14)
SHOWN_AFTER_END = timedelta(days=90)
MOST_LIVE = 2

State = Literal["active", "expiring", "expired", "revoked"]
Stage = Literal["waiting", "overlapping", "safe"]


@dataclass(frozen=True, slots=True)
class Rotation:
    """Two live tokens, the newer to take over from the older.

    `waiting`: nobody used the new one yet; `overlapping`: the old one was used since the new one
    was, so something still holds it; `safe`: only the new one is used.
    """

    old: Token
    new: Token
    stage: Stage


def is_live(token: Token, now: datetime) -> bool:
    """Tell whether a token opens its directory."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > now)


def state_of(token: Token, now: datetime) -> State:
    """Return the state that a token is shown in."""
    if token.revoked_at:
        return "revoked"
    if token.expires_at is None:
        return "active"
    if token.expires_at <= now:
        return "expired"
    return "expiring" if token.expires_at - now <= EXPIRING_WITHIN else "active"


def shown(tokens: Sequence[Token], now: datetime) -> list[Token]:
    """Return what is listed, the newest first: what ended long ago is left out."""
    kept = [token for token in tokens if _ended_at(token, now) > now - SHOWN_AFTER_END]
    return sorted(kept, key=lambda token: token.created_at, reverse=True)


def _ended_at(token: Token, now: datetime) -> datetime:
    return min((end for end in (token.revoked_at, token.expires_at) if end), default=now)


def rotation(tokens: Sequence[Token], now: datetime) -> Rotation | None:
    """Return how far a rotation is, None while there are not two live tokens."""
    live = sorted((one for one in tokens if is_live(one, now)), key=lambda one: one.created_at)
    if len(live) < MOST_LIVE:
        return None
    old, new = live[-2:]
    return Rotation(old, new, _stage(old, new))


def _stage(old: Token, new: Token) -> Stage:
    first = new.first_used_at or new.last_used_at
    if first is None:
        return "waiting"
    return "overlapping" if old.last_used_at and old.last_used_at > first else "safe"
