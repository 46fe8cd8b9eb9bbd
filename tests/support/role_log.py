"""A directory's history as roles publishes it, to feed consumers with: consistent and in order."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.contracts import envelope
from shared.contracts.directory_events import Cause, GroupRef, UserRef
from shared.contracts.envelope import Envelope, Origin, Position
from shared.contracts.ids import DirectoryId, OrganizationId, RoleKey, UserId
from shared.contracts.role_events import (
    SCOPE,
    MappedGroup,
    MappingSaved,
    Reason,
    RoleAssigned,
    RoleEvent,
    RoleRef,
    RoleRevoked,
)

_EPOCH = datetime(2026, 3, 2, 9, 0, 0, 500_000, tzinfo=UTC)


@dataclass(slots=True)
class RoleLog:
    """Appends what roles would; a step that changes nothing appends nothing.

    `records` are the bytes on `role.events.v1`; `held` is what they come to.
    """

    id: DirectoryId
    organization: OrganizationId
    records: list[bytes] = field(default_factory=list)
    held: dict[tuple[UserId, RoleKey], datetime] = field(default_factory=dict)

    @property
    def envelopes(self) -> list[Envelope]:
        return [envelope.parse(record) for record in self.records]

    def assign(self, user: UserRef, role: str, groups: Iterable[GroupRef] = ()) -> None:
        """Give the user the role, because of the groups."""
        key = (user.id, RoleKey(role))
        if key not in self.held:
            self.held[key] = self._now()
            self._append(
                RoleAssigned(
                    cause=self._cause(),
                    user=user,
                    role=_role(role),
                    reason=Reason(kind="group", groups=list(groups)),
                    roles_after=self._roles(user),
                )
            )

    def revoke(self, user: UserRef, role: str) -> None:
        """Take the role from the user."""
        if self.held.pop((user.id, RoleKey(role)), None):
            self._append(
                RoleRevoked(
                    cause=self._cause(),
                    user=user,
                    role=_role(role),
                    reason=Reason(kind="group"),
                    roles_after=self._roles(user),
                )
            )

    def save(self, rows: Iterable[tuple[GroupRef, str]]) -> None:
        """Save a mapping."""
        mapped = [MappedGroup(group=group, role=_role(role)) for group, role in rows]
        self._append(MappingSaved(cause=self._cause(), version=1, rows=mapped))

    def _roles(self, user: UserRef) -> list[RoleKey]:
        return sorted(role for holder, role in self.held if holder == user.id)

    def _append(self, event: RoleEvent) -> None:
        origin = Origin(self.id, self.organization, self._now())
        head = envelope.head(self.id, Position(1, len(self.records) + 1), SCOPE)
        self.records.append(head + envelope.tail(event.type, event.subject, origin, event, SCOPE))

    def _now(self) -> datetime:
        return _EPOCH + timedelta(seconds=len(self.records))

    def _cause(self) -> Cause:
        return Cause(kind="mapping", id=f"save {len(self.records)}", actor="admin:mia")


def _role(key: str) -> RoleRef:
    return RoleRef(key=RoleKey(key), name=key.title())
