"""A provider that lies: each claim that is not as it must be keeps the browser out."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from deploy.local import ports
from services.portal.clients.oidc import Client, OpenId
from services.portal.domain.errors import DelayedError
from services.portal.domain.oidc import Attempt, SignInFailedError

ATTEMPT = Attempt("state", "a nonce", "a verifier", int(time.time()))
Claims = dict[str, Any]


def key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})


@dataclass(slots=True)
class Liar:
    """A provider whose tokens say what a test wants, signed by the last of its keys."""

    issuer: str
    keys: list[ECKey] = field(default_factory=lambda: [key("first")])
    change: Callable[[Claims], object] = lambda claims: claims
    forms: list[dict[str, str]] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    sign: Callable[[Claims], str] | None = None

    async def discovery(self, _request: web.Request) -> web.Response:
        return web.json_response({
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
        })  # fmt: skip

    async def published(self, _request: web.Request) -> web.Response:
        return web.json_response(KeySet(list(self.keys)).as_dict(private=False))

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.forms.append({name: str(each) for name, each in form.items()})
        self.logins.append(request.headers.get("Authorization"))
        now = int(time.time())
        claims: Claims = {"iss": self.issuer, "aud": "portal", "sub": "1", "nonce": ATTEMPT.nonce,
                          "iat": now, "exp": now + 300, "email": "ada@x.test"}  # fmt: skip
        self.change(claims)
        return web.json_response({"id_token": (self.sign or self._signed)(claims)})

    def _signed(self, claims: Claims) -> str:
        return jwt.encode({"alg": "ES256", "kid": self.keys[-1].kid}, claims, self.keys[-1])


@asynccontextmanager
async def running(port: int) -> AsyncIterator[Liar]:
    liar = Liar(f"http://127.0.0.1:{port}")
    app = web.Application()
    app.add_routes([
        web.get("/.well-known/openid-configuration", liar.discovery),
        web.get("/keys", liar.published),
        web.post("/token", liar.token),
    ])  # fmt: skip
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield liar
    finally:
        await runner.cleanup()


@pytest.fixture
async def liar() -> AsyncIterator[Liar]:
    async with running(ports.choose()) as found:
        yield found


def openid(liar: Liar, *, secret: str = "") -> OpenId:
    return OpenId(Client(liar.issuer, "portal", secret, "http://portal.test/sign-in/callback"))


async def test_an_honest_provider_is_believed(liar: Liar) -> None:
    claims = await openid(liar, secret="s3cret").claims("a code", ATTEMPT)

    assert claims["email"] == "ada@x.test"
    assert liar.forms == [
        {
            "grant_type": "authorization_code",
            "code": "a code",
            "redirect_uri": "http://portal.test/sign-in/callback",
            "code_verifier": "a verifier",
        }
    ]
    assert str(liar.logins[0]).startswith("Basic ")


async def test_a_public_client_says_its_id_and_no_secret(liar: Liar) -> None:
    await openid(liar).claims("a code", ATTEMPT)

    assert liar.forms[0]["client_id"] == "portal"
    assert "client_secret" not in liar.forms[0]
    assert liar.logins == [None]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda it: it.update(iss="https://evil.example"), "bad_claims"),
        (lambda it: it.update(aud="another"), "bad_claims"),
        (lambda it: it.update(aud=["portal", "another"]), "other_party"),
        (lambda it: it.update(azp="another"), "other_party"),
        (lambda it: it.update(nonce="of another attempt"), "bad_claims"),
        (lambda it: it.pop("nonce"), "bad_claims"),
        (lambda it: it.update(exp=int(time.time()) - 120), "bad_claims"),
        (lambda it: it.pop("exp"), "bad_claims"),
        (lambda it: it.update(iat=int(time.time()) + 600), "bad_claims"),
        (lambda it: it.pop("sub"), "bad_claims"),
        (lambda it: it.pop("iss"), "bad_claims"),
        (lambda it: it.pop("aud"), "bad_claims"),
    ],
)
async def test_a_claim_that_is_not_as_it_must_be_is_refused(
    liar: Liar, change: Callable[[Claims], object], reason: str
) -> None:
    liar.change = change

    with pytest.raises(SignInFailedError) as error:
        await openid(liar).claims("a code", ATTEMPT)

    assert error.value.reason == reason


def unsigned(claims: Claims) -> str:
    header, body, _ = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("x" * 32)).split(".")
    return f"{header.replace(header, 'eyJhbGciOiJub25lIn0')}.{body}."


@pytest.mark.parametrize(
    "sign",
    [
        lambda claims: jwt.encode({"alg": "ES256", "kid": "first"}, claims, key("first")),
        lambda claims: jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("s3cret" * 8)),
        unsigned,
        lambda _: "no token at all",
    ],
    ids=["another key of the same name", "our own secret", "no signature", "no token"],
)
async def test_what_no_key_of_the_provider_signed_is_refused(
    liar: Liar, sign: Callable[[Claims], str]
) -> None:
    liar.sign = sign

    with pytest.raises(SignInFailedError) as error:
        await openid(liar).claims("a code", ATTEMPT)

    assert error.value.reason == "bad_signature"


async def test_keys_may_change_at_any_time(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    client = openid(liar)
    await client.claims("a code", ATTEMPT)
    liar.keys.append(key("second"))

    monkeypatch.setattr("services.portal.clients.oidc._ASK_AGAIN_S", 0.0)

    assert (await client.claims("a code", ATTEMPT))["sub"] == "1"


async def test_a_provider_of_another_name_is_not_talked_to(liar: Liar) -> None:
    liar.issuer = f"{liar.issuer}/"

    with pytest.raises(SignInFailedError) as error:
        await OpenId(Client(liar.issuer[:-1], "portal", "", "x")).address(ATTEMPT)

    assert error.value.reason == "other_issuer"


async def test_a_provider_that_is_away_delays() -> None:
    client = Client(f"http://127.0.0.1:{ports.choose()}", "portal", "", "x")

    with pytest.raises(DelayedError):
        await OpenId(client).address(ATTEMPT)
