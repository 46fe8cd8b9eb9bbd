"""Where a directory stands, in one vocabulary everywhere. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.portal.domain.rows import Delay, DirectorySummary
from services.portal.domain.words import ago, called, listed, sentence
from shared.contracts.management import Directory, Request

QUIET_AFTER = timedelta(days=7)
DELAYED_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class Status:
    """A directory's state in words; `tone` chooses icon and colour."""

    title: str
    words: str
    tone: Literal["new", "waiting", "good", "quiet", "late"]


NOT_CONFIGURED = Status(
    "Connect your directory",
    "Users and groups will follow your identity provider by themselves.",
    "new",
)


def of(
    directory: Directory,
    counts: DirectorySummary | None,
    now: datetime,
    *,
    refused: Request | None = None,
) -> Status:
    """Return the state of a directory; `refused` is a call whose token is not accepted, and last.

    It is None where one was accepted since.
    """
    provider = called(directory.provider)
    if directory.state != "live":
        return _turned(provider, directory, now)
    if refused is not None:
        return _refused(provider, refused, now)
    if directory.last_request_at is None:
        return Status(f"Waiting for {provider}", "No call has come in yet.", "waiting")
    if directory.delayed_s > DELAYED_AFTER_S:
        words = (
            f"What {provider} sent in the last {_span(directory.delayed_s)} is stored and not yet "
            "passed on. Nothing is lost; it follows in order."
        )
        return Status("Changes are delayed", words, "waiting")
    return _of_traffic(provider, directory.last_request_at, counts, now)


def _turned(provider: str, directory: Directory, now: datetime) -> Status:
    when = f" {ago(directory.state_since, now)}" if directory.state_since else ""
    act = f"{sentence(directory.state)}{when} by {directory.state_by or 'somebody'}."
    if directory.state == "deleted":
        return Status("Deleted", f"{act} Its users, groups and roles are gone.", "quiet")
    return Status(
        "Paused",
        f"{act} What {provider} sends is refused, and users keep the roles they hold, until "
        "somebody resumes it.",
        "quiet",
    )


def _refused(provider: str, refused: Request, now: datetime) -> Status:
    ending = f" ending in {refused.token_last_four}" if refused.token_last_four else ""
    return Status(
        "The token is not accepted",
        f"{sentence(provider)} called {ago(refused.at, now)} with a token{ending} that opens "
        "nothing here. Nothing it sends is applied until that is put right.",
        "late",
    )


def delayed(delays: Iterable[Delay], now: datetime) -> Status:
    """Return the state of a directory whose changes are stored and not applied."""
    found = sorted(delays, key=lambda delay: delay.since)
    stages = listed(sorted({delay.stage for delay in found}))
    return Status(
        "Changes are delayed",
        f"What your provider sends is stored, but {stages} stopped following it "
        f"{ago(found[0].since, now)}. Nothing is lost: it will be applied in order.",
        "late",
    )


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return "minute" if minutes <= 1 else f"{minutes} minutes"


def _of_traffic(
    provider: str, last: datetime, counts: DirectorySummary | None, now: datetime
) -> Status:
    heard = f"{sentence(provider)} called {ago(last, now)}."
    if counts is None or not counts.users:
        return Status("Connected", f"{heard} Assign a test user there.", "waiting")
    if now - last > QUIET_AFTER:
        return Status("Quiet", f"{heard} Without changes there that is no error.", "quiet")
    changed = counts.last_event_at
    words = f"Last change {ago(changed, now)}. {heard}" if changed else heard
    return Status("In sync", words, "good")
