"""An operator signs in by OpenID Connect: begin, come back, have a session."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.portal.clients.oidc import OpenId
from services.portal.domain import oidc
from services.portal.domain.oidc import Attempt, Operators
from services.portal.store import sessions
from services.portal.usecases.access import Vault
from shared import db

_RANDOM_BYTES = 32
_PURPOSE = "sign-in"


@dataclass(frozen=True, slots=True)
class SignIns:
    """Signs operators in at one provider; those whom `operators` names."""

    database: db.Database
    vault: Vault
    openid: OpenId
    operators: Operators

    async def begin(self, now: datetime) -> tuple[str, str]:
        """Return where to send the browser, and what it must bring back.

        Raises SignInFailedError, DelayedError.
        """
        state, nonce, verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
        attempt = Attempt(state, nonce, verifier, int(now.timestamp()))
        return await self.openid.address(attempt), attempt.packed(self._key)

    async def end(self, query: Mapping[str, str], kept: str, now: datetime) -> str:
        """Return the secret of a session for who came back.

        Raises SignInFailedError, DelayedError.
        """
        attempt = Attempt.unpacked(kept, self._key, int(now.timestamp()))
        code = oidc.code_of(query, attempt, self.openid.client.issuer)
        claims = await self.openid.claims(code, attempt)
        self.operators.check(claims)
        secret = self.vault.new()
        async with self.database.transaction() as tx:
            digest = self.vault.digest("session", secret)
            await sessions.insert(tx, digest, None, now, actor=oidc.name_of(claims))
            await sessions.forget_ended(tx, now)
        return secret

    @property
    def _key(self) -> bytes:
        return self.vault.digest(_PURPOSE, "attempts")
