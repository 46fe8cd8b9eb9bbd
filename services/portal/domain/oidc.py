"""Signing operators in by OpenID Connect: what goes out, and what must be so in what comes back.

Authorization code with PKCE (OpenID Connect Core section 3.1, RFC 7636). Pure: whoever calls
brings the time, the randomness and the keys.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, urlencode

SCOPE = "openid email profile"
VALID_FOR_S = 600
"""How long somebody may take to sign in at the provider."""
# Signatures with a key of the provider's own; never `none`, never one that we could make ourselves.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")


class SignInFailedError(Exception):
    """Nobody is signed in; `reason` is for the log and names no person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in on its way: what must come back, and what proves that it was ours."""

    state: str
    nonce: str
    verifier: str
    began_s: int

    @property
    def challenge(self) -> str:
        """The challenge that stands for the verifier (RFC 7636 section 4.2)."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())

    def packed(self, key: bytes) -> str:
        """Return it as a value that a browser keeps and cannot change."""
        body = _text(json.dumps(asdict(self)).encode())
        return f"{body}.{_text(_mac(key, body))}"

    @classmethod
    def unpacked(cls, value: str, key: bytes, now_s: int) -> "Attempt":
        """Return what `packed` made, within its time. Raises SignInFailedError."""
        body, _, mac = value.partition(".")
        if not hmac.compare_digest(_text(_mac(key, body)).encode(), mac.encode()):
            raise SignInFailedError("unknown_attempt")
        found = cls(**json.loads(base64.urlsafe_b64decode(f"{body}==")))
        if not found.began_s <= now_s < found.began_s + VALID_FOR_S:
            raise SignInFailedError("late")
        return found


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider says of itself (OpenID Connect Discovery section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    # By default a provider takes the secret in the header; some take it in the body alone.
    secret_in_body: bool = False

    @classmethod
    def of(cls, document: Mapping[str, Any], issuer: str) -> "Provider":
        """Return it from its document. Raises SignInFailedError for another one's."""
        if document.get("issuer") != issuer:
            raise SignInFailedError("other_issuer")
        ways = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        try:
            return cls(
                issuer,
                str(document["authorization_endpoint"]),
                str(document["token_endpoint"]),
                str(document["jwks_uri"]),
                "client_secret_basic" not in ways,
            )
        except KeyError as error:
            raise SignInFailedError("incomplete_discovery") from error


@dataclass(frozen=True, slots=True)
class Operators:
    """Who is an operator: whose claim has, or holds, a value."""

    claim: str
    value: str

    @classmethod
    def of(cls, text: str) -> "Operators":
        """Return it from a setting like `groups=rollcall-operators`."""
        claim, _, value = text.partition("=")
        return cls(claim, value)

    def check(self, claims: Mapping[str, Any]) -> None:
        """Raise SignInFailedError for who is no operator; an e-mail counts once verified."""
        found = claims.get(self.claim)
        held = found if isinstance(found, list) else [found]
        if self.value not in held or (
            self.claim == "email" and claims.get("email_verified") is not True
        ):
            raise SignInFailedError("no_operator")


def address(provider: Provider, client_id: str, redirect_uri: str, attempt: Attempt) -> str:
    """Return where to send the browser."""
    query = urlencode({
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
    })  # fmt: skip
    mark = "&" if "?" in provider.authorization_endpoint else "?"
    return f"{provider.authorization_endpoint}{mark}{query}"


def basic(client_id: str, secret: str) -> str:
    """Return the header by which a client says who it is (RFC 6749 section 2.3.1)."""
    login = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def code_of(query: Mapping[str, str], attempt: Attempt, issuer: str) -> str:
    """Return the code that came back to an attempt. Raises SignInFailedError."""
    if not hmac.compare_digest(query.get("state", "").encode(), attempt.state.encode()):
        raise SignInFailedError("other_state")
    # A provider may say who it is, against mix-ups (RFC 9207); then it must be ours.
    if query.get("iss", issuer) != issuer:
        raise SignInFailedError("other_issuer")
    if "error" in query or not query.get("code"):
        raise SignInFailedError("refused_by_provider")
    return query["code"]


def check_party(claims: Mapping[str, Any], client_id: str) -> None:
    """Raise SignInFailedError for a token made for others as well (OpenID Connect Core 3.1.3.7)."""
    audience = claims.get("aud")
    others: Sequence[object] = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp", client_id if len(others) == 1 else None)
    if party != client_id:
        raise SignInFailedError("other_party")


def name_of(claims: Mapping[str, Any]) -> str:
    """Return what to call somebody in what is recorded of their acts."""
    known = (claims.get(name) for name in ("email", "preferred_username", "sub"))
    return next(str(name) for name in known if name)[:200]


def _mac(key: bytes, body: str) -> bytes:
    return hmac.digest(key, body.encode(), "sha256")


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
