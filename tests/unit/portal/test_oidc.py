"""What goes out to an OpenID Connect provider, and what must be so in what comes back."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.portal.domain import oidc
from services.portal.domain.oidc import Attempt, Operators, Provider, SignInFailedError
from services.portal.settings import Settings

KEY = b"a key of the tests"
ISSUER = "https://login.example"
# The example of RFC 7636, appendix B.
ATTEMPT = Attempt("state", "nonce", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", 1_000)
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


def reason(error: pytest.ExceptionInfo[SignInFailedError]) -> str:
    return error.value.reason


def test_the_challenge_is_that_of_the_rfc() -> None:
    assert ATTEMPT.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_an_attempt_comes_back_as_it_went() -> None:
    assert Attempt.unpacked(ATTEMPT.packed(KEY), KEY, 1_599) == ATTEMPT


@pytest.mark.parametrize("now", [999, 1_600])
def test_an_attempt_has_its_time(now: int) -> None:
    with pytest.raises(SignInFailedError) as error:
        Attempt.unpacked(ATTEMPT.packed(KEY), KEY, now)

    assert reason(error) == "late"


@given(st.text(max_size=80))
def test_what_we_did_not_make_is_no_attempt(value: str) -> None:
    with pytest.raises(SignInFailedError) as error:
        Attempt.unpacked(value, KEY, 1_000)

    assert reason(error) == "unknown_attempt"


def test_an_attempt_that_was_changed_is_none() -> None:
    mine, other = ATTEMPT.packed(KEY), replace(ATTEMPT, state="mine").packed(b"another key")
    mixed = f"{other.partition('.')[0]}.{mine.partition('.')[2]}"

    for value in (other, mixed, mine[:-1]):
        with pytest.raises(SignInFailedError):
            Attempt.unpacked(value, KEY, 1_000)


def test_the_browser_is_sent_with_state_nonce_and_challenge() -> None:
    address = oidc.address(Provider.of(DOCUMENT, ISSUER), "portal", "https://p/back", ATTEMPT)

    assert address.startswith(f"{ISSUER}/authorize?")
    assert {name: each for name, (each,) in parse_qs(urlsplit(address).query).items()} == {
        "response_type": "code",
        "client_id": "portal",
        "redirect_uri": "https://p/back",
        "scope": "openid email profile",
        "state": "state",
        "nonce": "nonce",
        "code_challenge": ATTEMPT.challenge,
        "code_challenge_method": "S256",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"code": "c", "state": "other"}, "other_state"),
        ({"code": "c"}, "other_state"),
        ({"code": "c", "state": "state", "iss": "https://evil.example"}, "other_issuer"),
        ({"error": "access_denied", "state": "state", "code": "c"}, "refused_by_provider"),
        ({"state": "state"}, "refused_by_provider"),
    ],
)
def test_only_the_answer_to_our_question_has_a_code(query: dict[str, str], expected: str) -> None:
    with pytest.raises(SignInFailedError) as error:
        oidc.code_of(query, ATTEMPT, ISSUER)

    assert reason(error) == expected
    good = {"code": "c", "state": "state", "iss": ISSUER}
    assert oidc.code_of(good, ATTEMPT, ISSUER) == "c"


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"issuer": f"{ISSUER}/"}, "other_issuer"), ({"issuer": None}, "other_issuer")],
)
def test_a_document_of_another_issuer_is_refused(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(SignInFailedError) as error:
        Provider.of(DOCUMENT | change, ISSUER)

    assert reason(error) == expected


def test_a_document_without_an_endpoint_is_refused() -> None:
    with pytest.raises(SignInFailedError) as error:
        Provider.of({"issuer": ISSUER}, ISSUER)

    assert reason(error) == "incomplete_discovery"


@pytest.mark.parametrize(
    ("claims", "is_ours"),
    [
        ({"aud": "portal"}, True),
        ({"aud": ["portal"]}, True),
        ({"aud": ["portal", "other"], "azp": "portal"}, True),
        ({"aud": ["portal", "other"]}, False),
        ({"aud": ["portal", "other"], "azp": "other"}, False),
        ({"aud": "portal", "azp": "other"}, False),
    ],
)
def test_a_token_for_several_names_us_as_its_party(
    claims: dict[str, Any], *, is_ours: bool
) -> None:
    if is_ours:
        oidc.check_party(claims, "portal")
        return
    with pytest.raises(SignInFailedError):
        oidc.check_party(claims, "portal")


@pytest.mark.parametrize(
    ("who", "claims", "is_operator"),
    [
        ("groups=ops", {"groups": ["staff", "ops"]}, True),
        ("groups=ops", {"groups": "ops"}, True),
        ("groups=ops", {"groups": ["opsx"]}, False),
        ("groups=ops", {}, False),
        ("email=ada@x.test", {"email": "ada@x.test", "email_verified": True}, True),
        ("email=ada@x.test", {"email": "ada@x.test", "email_verified": "true"}, False),
        ("email=ada@x.test", {"email": "ada@x.test"}, False),
        ("role=a=b", {"role": "a=b"}, True),
    ],
)
def test_who_is_an_operator_is_said_by_a_claim(
    who: str, claims: dict[str, Any], *, is_operator: bool
) -> None:
    operators = Operators.of(who)
    if is_operator:
        operators.check(claims)
        return
    with pytest.raises(SignInFailedError) as error:
        operators.check(claims)
    assert reason(error) == "no_operator"


def test_acts_are_recorded_under_the_best_name_there_is() -> None:
    assert oidc.name_of({"sub": "1", "preferred_username": "ada"}) == "ada"
    assert oidc.name_of({"sub": "1", "preferred_username": "ada", "email": "ada@x"}) == "ada@x"
    assert oidc.name_of({"sub": "1"}) == "1"


@pytest.mark.parametrize("left_out", ["oidc_issuer", "oidc_client_id", "oidc_operators"])
def test_a_provider_needs_a_client_and_somebody_who_is_an_operator(left_out: str) -> None:
    given = {"oidc_issuer": ISSUER, "oidc_client_id": "portal", "oidc_operators": "groups=ops"}
    rest = {"database_url": "postgres://x", "secret": "s" * 16, "ROLLCALL_API_KEY": "k" * 16}
    whole = Settings(**rest, **given)

    assert whole.oidc_issuer == ISSUER
    with pytest.raises(ValidationError, match="go together"):
        Settings(**rest, **{name: each for name, each in given.items() if name != left_out})
