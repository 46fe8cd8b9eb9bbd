"""An OpenID Connect provider as its client sees it: discovery, code for token, token verified."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.portal.domain import oidc
from services.portal.domain.errors import DelayedError
from services.portal.domain.oidc import Attempt, Provider, SignInFailedError

_DISCOVERY = "/.well-known/openid-configuration"
_TIMEOUT = aiohttp.ClientTimeout(total=8)
_REMEMBER_S = 3600.0
_ASK_AGAIN_S = 30.0
_LEEWAY_S = 60


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are at the provider; without a secret a public client, which PKCE protects."""

    issuer: str
    id: str
    secret: str
    redirect_uri: str


@dataclass(slots=True)
class OpenId:
    """Talks to the provider. Methods raise SignInFailedError, and DelayedError while it is away.

    What it says of itself, and its keys, are remembered for an hour; a token with another key has
    the keys asked for again, so that the provider may change them at any time.
    """

    client: Client
    _provider: tuple[float, Provider] | None = None
    _keys: tuple[float, KeySet] | None = None
    _headers: Mapping[str, str] = field(default_factory=lambda: {"Accept": "application/json"})

    async def address(self, attempt: Attempt) -> str:
        """Return where to send the browser to sign in."""
        provider = await self._discovered()
        return oidc.address(provider, self.client.id, self.client.redirect_uri, attempt)

    async def claims(self, code: str, attempt: Attempt) -> Mapping[str, Any]:
        """Exchange a code for the claims of who signed in, checked in every way."""
        provider = await self._discovered()
        token = await self._redeemed(provider, code, attempt)
        verified = await self._verified(provider, token)
        _check(verified, self.client, attempt.nonce)
        return verified

    async def _discovered(self) -> Provider:
        if self._provider and time.monotonic() - self._provider[0] < _REMEMBER_S:
            return self._provider[1]
        document = await self._json("GET", f"{self.client.issuer.rstrip('/')}{_DISCOVERY}")
        found = Provider.of(document, self.client.issuer)
        self._provider = time.monotonic(), found
        return found

    async def _redeemed(self, provider: Provider, code: str, attempt: Attempt) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers = {}
        if not self.client.secret or provider.secret_in_body:
            form |= {"client_id": self.client.id}
            form |= {"client_secret": self.client.secret} if self.client.secret else {}
        else:
            headers = {"Authorization": oidc.basic(self.client.id, self.client.secret)}
        answer = await self._json("POST", provider.token_endpoint, data=form, headers=headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInFailedError("no_token")
        return token

    async def _verified(self, provider: Provider, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that a key of the provider signed."""
        keys = await self._known_keys(provider, _REMEMBER_S)
        try:
            return _decoded(token, keys)
        except (JoseError, ValueError):
            keys = await self._known_keys(provider, _ASK_AGAIN_S)
        try:
            return _decoded(token, keys)
        except (JoseError, ValueError) as error:
            raise SignInFailedError("bad_signature") from error

    async def _known_keys(self, provider: Provider, young_s: float) -> KeySet:
        if self._keys and time.monotonic() - self._keys[0] < young_s:
            return self._keys[1]
        document: Any = await self._json("GET", provider.jwks_uri)
        try:
            found = KeySet.import_key_set(document)
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise SignInFailedError("bad_keys") from error
        self._keys = time.monotonic(), found
        return found

    async def _json(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, headers=self._headers) as http,
                # An endpoint that sends us elsewhere is not the one that was configured.
                http.request(method, url, allow_redirects=False, **more) as response,
            ):
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DelayedError from error
        if not response.ok or not isinstance(answer, dict):
            raise SignInFailedError("refused_by_provider")
        return answer


def _decoded(token: str, keys: KeySet) -> Mapping[str, Any]:
    return jwt.decode(token, keys, algorithms=[*oidc.ALGORITHMS]).claims


def _check(claims: Mapping[str, Any], client: Client, nonce: str) -> None:
    """Check issuer, audience, times and nonce (OpenID Connect Core section 3.1.3.7)."""
    registry = jwt.JWTClaimsRegistry(
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": client.issuer},
        aud={"essential": True, "value": client.id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        registry.validate(dict(claims))
    except (JoseError, TypeError, ValueError) as error:
        raise SignInFailedError("bad_claims") from error
    oidc.check_party(claims, client.id)
