"""Peppers: what the digests of bearer tokens are made with, beside the database and never in it.

Who changes over has two for a while: the first makes digests, each of them fits its own. Which one
made a digest is stored with it, by a key id that is made from the pepper: nobody names them.
"""

import hmac
from dataclasses import dataclass

_KEY_ID_BYTES = 4


@dataclass(frozen=True, slots=True)
class Digest:
    """What is stored of a token's value; of days before key ids it has none."""

    value: bytes
    pepper: str | None


@dataclass(frozen=True, slots=True)
class Peppers:
    """The current pepper, and those before it."""

    current: str
    former: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> "Peppers":
        """Return the peppers of a setting, one on each line, the current first."""
        current, *former = text.splitlines()
        return cls(current, tuple(former))

    def digest(self, token: str) -> Digest:
        """Return what is stored of a token from now on."""
        return Digest(_digest(self.current, token), key_id(self.current))

    def fits(self, stored: Digest, token: str) -> bool:
        """Tell whether a digest was made of this token, with any of the peppers."""
        return any(
            hmac.compare_digest(stored.value, _digest(pepper, token))
            for pepper in (self.current, *self.former)
            if stored.pepper in {None, key_id(pepper)}
        )


def key_id(pepper: str) -> str:
    """Return what a pepper is called: enough of a digest to tell it from others."""
    return hmac.digest(pepper.encode(), b"rollcall pepper 1", "sha256")[:_KEY_ID_BYTES].hex()


def _digest(pepper: str, token: str) -> bytes:
    return hmac.digest(pepper.encode(), token.encode(), "sha256")
