"""The live checklist: six milestones that traffic ticks off, and the one act to take next. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from services.portal.domain import guides, tokens
from services.portal.domain.guides import Guide, Milestone
from services.portal.domain.rows import DirectorySummary
from services.portal.domain.words import ago, called, sentence
from shared.contracts.management import Directory, Request, Token

RECENTLY = timedelta(hours=1)
SILENT_AFTER = timedelta(hours=26)

Page = Literal["configure", "activity", "roles", "users", "verify"]


@dataclass(frozen=True, slots=True)
class Seen:
    """When something was first seen, and by which request of the provider, where that is known."""

    at: datetime | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a directory.

    `refused` is the last call with a token that is not accepted, `failed` the last one that was
    refused for what it said; `seen` are the milestones that were reached.
    """

    directory: Directory
    tokens: Sequence[Token] = ()
    counts: DirectorySummary | None = None
    refused: Request | None = None
    failed: Request | None = None
    has_members: bool = False
    seen: Mapping[Milestone, Seen] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the checklist."""

    key: Milestone
    title: str
    state: Literal["done", "next", "open", "trouble"]
    seen: Seen = Seen()


@dataclass(frozen=True, slots=True)
class Act:
    """What to do, why, and where: `words` may hold names of the provider's screens in `*…*`."""

    words: str
    page: Page
    label: str
    is_trouble: bool = False
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Checklist:
    """The milestones in order, the act to take next, and what else to know."""

    items: Sequence[Item]
    act: Act
    notes: Sequence[Act]

    @property
    def done(self) -> int:
        """How many milestones are reached."""
        return sum(item.state == "done" for item in self.items)

    @property
    def is_complete(self) -> bool:
        """Whether everything was seen to work."""
        return self.done == len(self.items)


_TITLES: Mapping[Milestone, str] = {
    "reached": "{provider} reached the endpoint",
    "accepted": "Token accepted",
    "user": "First user arrived",
    "group": "First group arrived",
    "mapping": "Mapping saved",
    "role": "First role given",
}


def of(facts: Facts, now: datetime) -> Checklist:
    """Return where a directory stands, and what to do next."""
    provider = called(facts.directory.provider)
    refused = is_refused(facts)
    items = []
    is_next = True
    for key, title in _TITLES.items():
        state: Literal["done", "next", "open", "trouble"] = "next" if is_next else "open"
        if key in facts.seen:
            state = "done"
        elif is_next:
            is_next = False
        if key == "accepted" and refused:
            state = "trouble"
        named = sentence(title.format(provider=provider))
        items.append(Item(key, named, state, facts.seen.get(key, Seen())))
    act = _act(facts, provider, guides.of(facts.directory.provider), now)
    return Checklist(items, act, _notes(facts, provider, now))


def is_refused(facts: Facts) -> bool:
    """Tell whether the last that was heard of the provider is a token that is not accepted."""
    accepted = facts.directory.last_request_at
    return facts.refused is not None and (accepted is None or facts.refused.at > accepted)


def _act(facts: Facts, provider: str, guide: Guide, now: datetime) -> Act:
    live = [token for token in facts.tokens if tokens.is_live(token, now)]
    if not live:
        words = f"Create a token: without one {provider} cannot come in."
        return Act(words, "configure", "Create a token", is_trouble=bool(facts.seen))
    if is_refused(facts) and facts.refused:
        return _token_refused(facts.refused, live, guide, now)
    return _milestone_missing(facts, guide)


def _token_refused(refused: Request, live: Sequence[Token], guide: Guide, now: datetime) -> Act:
    ending = f"; it ended in {refused.token_last_four}" if refused.token_last_four else ""
    good = " or ".join(token.last_four for token in live)
    words = (
        f"A token was refused {ago(refused.at, now)}{ending}. Paste the one that ends in {good} "
        f"into *{guide.token_field}*, or create another."
    )
    return Act(words, "activity", "See the call", is_trouble=True, request_id=refused.id)


def _milestone_missing(facts: Facts, guide: Guide) -> Act:
    seen = facts.seen
    if "accepted" not in seen:
        return Act(guide.enable, "configure", "Endpoint and token")
    if "user" not in seen:
        return Act(guide.no_users, "configure", "The steps")
    if "group" not in seen:
        return Act(guide.no_groups, "configure", "The steps")
    if "mapping" not in seen:
        return Act("Say which group grants which role.", "roles", "Map groups to roles")
    if "role" not in seen:
        words = (
            "The mapping is saved, and nobody holds a role yet: nobody active is in a group that "
            "grants one."
        )
        return Act(words if facts.has_members else guide.no_members, "users", "Look at the users")
    return Act(
        "Everything works. Type an address to see the roles of a user, and why.",
        "verify",
        "Verify a user",
    )


def _notes(facts: Facts, provider: str, now: datetime) -> list[Act]:
    """Return what else to know, the more urgent first."""
    found = (_refused_lately(facts, provider, now), _expires(facts, now), _silent(facts, now))
    return [note for note in found if note]


def _refused_lately(facts: Facts, provider: str, now: datetime) -> Act | None:
    failed = facts.failed
    if failed is None or now - failed.at > RECENTLY:
        return None
    words = f"A call of {provider} was refused {ago(failed.at, now)}."
    return Act(words, "activity", "Why, and what to do", is_trouble=True, request_id=failed.id)


def _expires(facts: Facts, now: datetime) -> Act | None:
    """Warn when no live token lasts longer than two weeks."""
    live = [token for token in facts.tokens if tokens.is_live(token, now)]
    ends = [token.expires_at for token in live if token.expires_at]
    if not ends or len(ends) < len(live) or max(ends) - now > tokens.EXPIRING_WITHIN:
        return None
    days = (max(ends) - now).days
    when = f"in {days} day{'' if days == 1 else 's'}" if days else "within a day"
    return Act(f"The token expires {when}; syncing stops then.", "configure", "Rotate it")


def _silent(facts: Facts, now: datetime) -> Act | None:
    last = facts.directory.last_request_at
    if last is None or now - last < SILENT_AFTER:
        return None
    heard = f"{sentence(called(facts.directory.provider))} called last {ago(last, now)}."
    words = f"{heard} Without changes there that is no error."
    return Act(words, "activity", "The last calls")
