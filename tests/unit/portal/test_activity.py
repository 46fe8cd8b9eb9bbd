"""What Activity says about a call: what was tried, what went wrong, what to do."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.ingest.http.errors import STATUSES
from services.portal.domain import activity
from services.portal.domain.words import PROVIDERS
from shared.contracts.management import Request, Token

NOW = datetime(2025, 11, 25, 23, 59, tzinfo=UTC)


def call(method: str = "POST", path: str = "/Users", status: int = 200, **more: Any) -> Request:
    fields = {"id": "1", "at": NOW, "query": "", "duration_ms": 1.0, "provider": "generic"}
    return Request.model_validate(
        {**fields, "method": method, "path": path, "status": status, **more}
    )


@pytest.mark.parametrize(
    ("method", "path", "query", "words"),
    [
        ("GET", "/Users", 'filter=userName eq "a…t (16)"', "Look up a user"),
        ("GET", "/Groups", "startIndex=1&count=100", "List groups"),
        ("GET", "/Users/1", "", "Read a user"),
        ("POST", "/Groups", "", "Create a group"),
        ("PUT", "/Users/1", "", "Replace a user"),
        ("PATCH", "/Groups/1", "", "Change a group"),
        ("DELETE", "/Users/1", "", "Delete a user"),
        ("GET", "/Schemas", "", "Ask what is offered"),
        ("GET", "/User", "", "Call an unknown address"),
        ("OPTIONS", "/Nothing", "", "Call an unknown address"),
        ("POST", "/Bulk", "", "Change several at once"),
        ("POST", "/Users/.search", "", "Look up a user"),
        ("GET", "/Me", "", "Ask who the caller is"),
        ("GET", "/", "", "Ask for everything"),
    ],
)
def test_a_call_is_named_by_what_it_tries(method: str, path: str, query: str, words: str) -> None:
    assert activity.action(call(method, path, query=query)) == words


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (call(status=409, scim_type="uniqueness"), "OneLogin sent a user name that already exists"),
        (call(path="/Groups", status=409, scim_type="uniqueness"), "a group name that already"),
        (call(status=401, token_last_four="a91f"), "not accepted; it ended in a91f"),
        (call(status=401), "a token that is not accepted. Create"),
        (call("GET", "/Users/1", 404), "a user that is not here"),
        (call("GET", "/User", 404), "Configuration → SCIM Base URL"),
        (call("GET", "/Me", 501), "does not offer"),
        (call(status=500), "Something went wrong here, not at OneLogin"),
        (call(status=418), "the answer says why"),
    ],
)
def test_a_failure_comes_with_advice(request_: Request, words: str) -> None:
    assert words in str(activity.advice(request_, "onelogin"))


def test_what_was_answered_needs_no_advice() -> None:
    assert activity.advice(call(), "onelogin") is None


@pytest.mark.parametrize("provider", [*PROVIDERS, "rippling"])
@pytest.mark.parametrize(("status", "scim_type"), list(dict.fromkeys(STATUSES.values())))
def test_every_refusal_has_a_sentence_for_every_provider(
    provider: str, status: int, scim_type: str | None
) -> None:
    for path in ("/Users", "/Groups/1", "/Nothing"):
        words = activity.advice(call("PUT", path, status, scim_type=scim_type), provider)

        assert words
        assert "{" not in words
        assert words.endswith(".")


def test_another_provider_than_was_set_up_is_said() -> None:
    assert "looks like Okta" in str(activity.mismatch(call(provider="okta"), "onelogin"))
    assert activity.mismatch(call(provider="onelogin"), "onelogin") is None
    assert activity.mismatch(call(provider="generic"), "onelogin") is None


def test_a_token_is_named_as_the_administrator_knows_it() -> None:
    token = Token(id="k1", label="Autumn", last_four="a91f", created_at=NOW)

    assert activity.token_in_words(call(key_id="k1"), [token]) == "Autumn, ends in a91f"
    assert activity.token_in_words(call(token_last_four="a91f"), [token]) == "Autumn, ends in a91f"
    assert "does not know" in activity.token_in_words(call(token_last_four="b92e"), [token])
    assert activity.token_in_words(call(), [token]) == "None that can be shown"


def test_calls_are_told_by_day_in_the_order_they_come_in() -> None:
    earlier = call(at=datetime(2025, 11, 24, 0, 1, tzinfo=UTC))

    days = activity.by_day([call(), call(), earlier])

    assert [(day, len(calls)) for day, calls in days] == [
        (date(2025, 11, 25), 2),
        (date(2025, 11, 24), 1),
    ]
