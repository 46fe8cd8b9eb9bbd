"""What the checklist shows, and the one act it names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.portal.domain import checklist, guides
from services.portal.domain.checklist import Facts, Seen
from services.portal.domain.guides import Milestone
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.contracts.management import Directory, Request, Token

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALL: tuple[Milestone, ...] = ("reached", "accepted", "user", "group", "mapping", "role")


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def directory(provider: str = "onelogin", last: datetime | None = None) -> Directory:
    return Directory(
        id=DirectoryId("d"), organization_id=OrganizationId("o"), name="Acme", provider=provider,
        endpoint="https://scim.example/d", created_at=ago(days=2), last_request_at=last,
    )  # fmt: skip


def token(**changes: Any) -> Token:
    facts = {"id": "k1", "label": "OneLogin", "last_four": "b7e2", "created_at": ago(days=1)}
    return Token(**{**facts, **changes})


def call(at: datetime, status: int = 401, **changes: Any) -> Request:
    facts = {"id": "r1", "at": at, "method": "GET", "path": "/Users", "query": "",
             "status": status, "duration_ms": 1.0, "provider": "onelogin"}  # fmt: skip
    return Request(**{**facts, **changes})


def facts(seen: int, **changes: Any) -> Facts:
    """Return the facts after the first so many milestones."""
    last = ago(minutes=1) if seen >= 2 else None
    found = Facts(directory(last=last), [token()], has_members=True)
    return replace(found, seen={key: Seen(ago(minutes=5)) for key in ALL[:seen]}, **changes)


@pytest.mark.parametrize(
    ("seen", "said", "page"),
    [
        (0, "API Status → Enable", "configure"),
        (2, "approve it there", "configure"),
        (3, "Users but no groups: tick", "configure"),
        (4, "which group grants which role", "roles"),
        (5, "nobody holds a role yet", "users"),
        (6, "Everything works", "verify"),
    ],
)
def test_each_milestone_leads_to_the_next_act(seen: int, said: str, page: str) -> None:
    found = checklist.of(facts(seen), NOW)

    assert said in found.act.words
    assert found.act.page == page
    assert found.done == seen
    assert [item.state for item in found.items].count("next") == (seen < 6)
    assert found.is_complete == (seen == 6)


def test_a_refused_token_is_told_with_its_ending_and_the_good_one() -> None:
    found = checklist.of(facts(1, refused=call(ago(minutes=3), token_last_four="a91f")), NOW)

    assert found.act.words.startswith(
        "A token was refused 3 minutes ago; it ended in a91f. Paste the one that ends in b7e2"
    )
    assert (found.act.is_trouble, found.act.request_id) == (True, "r1")
    assert found.items[1].state == "trouble"


def test_a_token_that_was_accepted_since_is_no_trouble() -> None:
    found = checklist.of(facts(6, refused=call(ago(minutes=3), token_last_four="a91f")), NOW)

    assert found.is_complete
    assert not found.act.is_trouble


def test_without_a_live_token_one_is_to_be_created_whatever_was_seen_before() -> None:
    gone = token(revoked_at=ago(minutes=1))

    assert "Create a token" in checklist.of(facts(6, tokens=[gone]), NOW).act.words
    assert checklist.of(facts(6, tokens=[gone]), NOW).act.is_trouble
    assert not checklist.of(facts(0, tokens=[]), NOW).act.is_trouble


def test_groups_without_members_are_told_apart_from_a_mapping_that_gives_nothing() -> None:
    assert "nobody in them" in checklist.of(facts(5, has_members=False), NOW).act.words
    assert "nobody in them" not in checklist.of(facts(5), NOW).act.words


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"failed": call(ago(minutes=2), 409)}, ["A call of OneLogin was refused 2 minutes ago."]),
        ({"failed": call(ago(hours=2), 409)}, []),
        ({"tokens": [token(expires_at=NOW + timedelta(days=9, hours=1))]},
         ["The token expires in 9 days; syncing stops then."]),
        ({"tokens": [token(expires_at=NOW + timedelta(hours=5))]},
         ["The token expires within a day; syncing stops then."]),
        ({"tokens": [token(expires_at=NOW + timedelta(days=9)), token(id="k2")]}, []),
        ({"tokens": [token(expires_at=NOW + timedelta(days=15))]}, []),
        ({"directory": directory(last=ago(hours=27))},
         ["OneLogin called last 1 day ago. Without changes there that is no error."]),
    ],
)  # fmt: skip
def test_what_else_to_know_is_noted(changes: dict[str, Any], said: list[str]) -> None:
    found = checklist.of(facts(6, **changes), NOW)

    assert [note.words for note in found.notes] == said


@pytest.mark.parametrize("provider", guides.GUIDES)
def test_each_guide_leads_through_all_milestones_and_says_what_stalls(provider: str) -> None:
    guide = guides.of(provider)

    assert [step.done_by for step in guide.steps if step.done_by == "role"] == ["role"]
    assert {step.done_by for step in guide.steps} >= {"reached", "accepted", "user", "group"}
    assert sum(len(step.stalls) for step in guide.steps) >= 4
    texts = [text for step in guide.steps for text in (step.title, *step.acts)]
    texts += [text for step in guide.steps for one in step.stalls for text in (one.sees, one.does)]
    texts += [guide.enable, guide.no_users, guide.no_groups, guide.no_members]
    for text in texts:
        plain = "".join(text.split("`")[::2])
        assert plain.count("*") % 2 == 0, text
        assert text.count("`") % 2 == 0, text


def test_a_provider_without_a_guide_gets_the_general_one() -> None:
    assert guides.of("somebody") is guides.of("generic")
    found = checklist.of(replace(facts(0), directory=directory("generic")), NOW)
    assert found.items[0].title == "Your provider reached the endpoint"
