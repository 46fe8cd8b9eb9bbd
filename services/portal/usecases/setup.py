"""Where a directory stands: counts, status, checklist, tokens."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.portal.clients import Services
from services.portal.domain import charts, checklist, status, tokens
from services.portal.domain.charts import Hour
from services.portal.domain.checklist import Checklist, Facts, Seen
from services.portal.domain.errors import DelayedError
from services.portal.domain.guides import Milestone
from services.portal.domain.rows import Delay, DirectorySummary
from services.portal.domain.status import Status
from services.portal.store import progress, views
from services.portal.usecases.asking import at_once
from shared import db
from shared.contracts.directory_events import GroupCreated, UserCreated
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.contracts.management import Directory, Request, RequestQuery, Token
from shared.contracts.role_events import MappingSaved, RoleAssigned
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS

_UNAUTHORIZED = 401
_REMEMBER_MOST = 10_000
_COUNTING_SHARE = 20
"""Counting takes a twentieth of the time at most."""
_FIRSTS: Sequence[tuple[Milestone, str, str]] = (
    ("user", DIRECTORY_EVENTS.name, UserCreated.type),
    ("group", DIRECTORY_EVENTS.name, GroupCreated.type),
    ("mapping", ROLE_EVENTS.name, MappingSaved.type),
    ("role", ROLE_EVENTS.name, RoleAssigned.type),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted when the read models were at a place, and how long that took."""

    position: str
    at: float
    took_s: float
    summary: DirectorySummary | None
    hours: Sequence[tuple[datetime, int]]
    is_old: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What need not be asked again: the first of each kind, and counts while nothing changed.

    Counting 100,000 users takes a tenth of a second, so while they arrive it is done every 2 s.
    """

    firsts: dict[tuple[DirectoryId, Milestone], Seen] = field(default_factory=dict)
    counts: dict[DirectoryId, Counted] = field(default_factory=dict)

    def trim(self) -> None:
        """Forget everything rather than grow for ever."""
        for kept in (self.firsts, self.counts):
            if len(kept) > _REMEMBER_MOST:
                kept.clear()


@dataclass(frozen=True, slots=True)
class Setup:
    """A directory with everything that its pages say about it."""

    directory: Directory
    tokens: Sequence[Token]
    counts: DirectorySummary | None
    status: Status
    checklist: Checklist
    refused: Request | None
    hours: Sequence[Hour]
    is_old: bool


@dataclass(frozen=True, slots=True)
class Setups:
    """Looks at directories."""

    database: db.Database
    services: Services
    memory: Memory = field(default_factory=Memory)

    async def newest(self, organization: OrganizationId, now: datetime) -> Setup | None:
        """Return where the newest directory of an organization stands, None without any."""
        directories = await self.services.directories(organization)
        live = [one for one in directories if one.state != "deleted"]
        return await self.of(live[0], now) if live else None

    async def of(self, directory: Directory, now: datetime) -> Setup:
        """Return where a directory stands."""
        async with at_once() as group:
            asked = group.create_task(self.services.tokens(directory.id))
            counting = group.create_task(self.counted(directory.id, now))
            failing = group.create_task(self._failures(directory, now))
            delaying = group.create_task(self._delays(directory.id))
        issued, counted, delays = asked.result(), counting.result(), delaying.result()
        facts = await self._facts(directory, issued, counted.summary, failing.result())
        refused = facts.refused if checklist.is_refused(facts) else None
        shown = status.of(directory, counted.summary, now, refused=refused)
        return Setup(
            directory,
            tokens.shown(issued, now),
            counted.summary,
            status.delayed(delays, now) if delays and directory.state == "live" else shown,
            checklist.of(facts, now),
            refused,
            charts.hours(counted.hours, now),
            counted.is_old,
        )

    async def counted(self, directory: DirectoryId, now: datetime) -> Counted:
        """Return what the read model counts, again only once it has moved on, and not too often."""
        known = self.memory.counts.get(directory)
        async with self.database.connection() as connection:
            position = await progress.position(connection, directory)
            started = time.monotonic()
            if known and known.position == position:
                return known
            if known and started - known.at < known.took_s * _COUNTING_SHARE:
                return replace(known, is_old=True)
            since = now - timedelta(hours=charts.HOURS)
            summary = await views.summary(connection, directory)
            hours = await views.changes_by_hour(connection, directory, since)
        ended = time.monotonic()
        found = Counted(position, ended, ended - started, summary, hours)
        self.memory.trim()
        self.memory.counts[directory] = found
        return found

    async def _facts(
        self,
        directory: Directory,
        issued: Sequence[Token],
        counts: DirectorySummary | None,
        failures: tuple[Request | None, Request | None],
    ) -> Facts:
        refused, failed = failures
        seen: dict[Milestone, Seen] = {}
        accepted = directory.last_request_at
        if accepted or refused:
            seen["reached"] = Seen(_latest(accepted, refused), refused.id if refused else None)
        if accepted:
            seen["accepted"] = Seen(accepted)
        async with self.database.connection() as connection:
            seen |= await self._firsts(connection, directory.id, counts)
            has_members = await views.has_members(connection, directory.id)
        return Facts(directory, issued, counts, refused, failed, has_members, seen)

    async def _failures(
        self, directory: Directory, now: datetime
    ) -> tuple[Request | None, Request | None]:
        """Return the last calls of a day that were refused: for the token, and for the rest."""
        since = now - timedelta(days=1)
        unauthorized = RequestQuery(status="401", since=since, limit=1)
        any_kind = RequestQuery(status="failed", since=since, limit=20)
        async with at_once() as group:
            refusing = group.create_task(self.services.requests(directory.id, unauthorized))
            failing = group.create_task(self.services.requests(directory.id, any_kind))
        refused = next(iter(refusing.result().items), None)
        found = failing.result().items
        return refused, next((one for one in found if one.status != _UNAUTHORIZED), None)

    async def _firsts(
        self, connection: db.Connection, directory: DirectoryId, counts: DirectorySummary | None
    ) -> dict[Milestone, Seen]:
        """Return the first of each kind, once there is one."""
        there = {
            "user": bool(counts and counts.users),
            "group": bool(counts and counts.groups),
            "mapping": bool(counts and counts.mapped_groups),
            "role": bool(counts and counts.mapped_groups),
        }
        found: dict[Milestone, Seen] = {}
        for key, topic, kind in _FIRSTS:
            known = self.memory.firsts.get((directory, key))
            if known is None and there[key]:
                first = await views.first_event(connection, directory, topic, [kind])
                # What came by a snapshot is there as well; to look again would find nothing again.
                known = _seen(first) if first else Seen() if key != "role" else None
                if known:
                    self.memory.firsts[directory, key] = known
            if known:
                found[key] = known
        return found

    async def _delays(self, directory: DirectoryId) -> list[Delay]:
        """Return what does not follow a directory; a service that is away tells nothing."""
        async with self.database.connection() as connection:
            found = await progress.delays(connection, directory)
        with suppress(DelayedError):
            stopped = await self.services.stopped(directory)
            found += [Delay("roles", one.since) for one in stopped]
        return found


def _seen(first: tuple[datetime, dict[str, str]]) -> Seen:
    at, cause = first
    return Seen(at, cause.get("id") if cause.get("kind") == "scim" else None)


def _latest(accepted: datetime | None, refused: Request | None) -> datetime | None:
    return max((one for one in (accepted, refused and refused.at) if one), default=None)
