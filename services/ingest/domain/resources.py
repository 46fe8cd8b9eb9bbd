"""Users and groups as they are stored, and the act that changes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.ingest.scim import messages, projection
from services.ingest.scim.definitions import TYPES, Types
from services.ingest.scim.folding import folded
from services.ingest.scim.schema import Document, ResourceType
from shared.contracts.directory_events import Cause, GroupRef, UserRef
from shared.contracts.envelope import Origin
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, UserId


@dataclass(frozen=True, slots=True)
class Act:
    """Who changes what, where and when; all events of one request name the same cause."""

    directory: DirectoryId
    organization: OrganizationId
    cause: Cause
    now: datetime
    traceparent: str | None = None
    types: Types = field(default_factory=lambda: TYPES)

    @property
    def origin(self) -> Origin:
        """What the events of this act have in common."""
        return Origin(self.directory, self.organization, self.now, self.traceparent)


@dataclass(frozen=True, slots=True)
class Resource:
    """A user or a group: the canonical document without what is stored apart or computed."""

    type: ResourceType
    directory: DirectoryId
    id: str
    document: Document
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """The attribute that is unique in the directory."""
        return str(self.document[self.type.key])

    @property
    def name_key(self) -> str:
        """The form in which names compare."""
        return folded(self.name)

    @property
    def external_id(self) -> str | None:
        """The provider's own identifier."""
        return self.document.get("externalId")

    @property
    def is_active(self) -> bool:
        """Whether a user may hold roles; groups are always active."""
        return bool(self.document.get("active", True))

    def changed(self, document: Document, now: datetime) -> "Resource":
        """Return the next version, or the same value when the document says nothing new."""
        if document == self.document:
            return self
        return replace(self, document=document, version=self.version + 1, updated_at=now)

    def touched(self, now: datetime) -> "Resource":
        """Return the next version for a change that is stored beside the document: members."""
        return replace(self, version=self.version + 1, updated_at=now)

    def representation(self, base_url: str, extra: Mapping[str, Any] | None = None) -> Document:
        """Return the whole SCIM resource; `extra` holds groups or members."""
        meta = messages.meta(
            self.type,
            self.id,
            base_url,
            created=self.created_at,
            last_modified=self.updated_at,
            version=self.version,
        )
        return projection.full(
            self.type, self.document, resource_id=self.id, meta=meta, extra=extra
        )


def new(resource_type: ResourceType, act: Act, new_id: str, document: Document) -> Resource:
    """Return the first version of a resource."""
    return Resource(resource_type, act.directory, new_id, document, 1, act.now, act.now)


def user_ref(user: Resource) -> UserRef:
    """Return how events name a user."""
    return UserRef(
        id=UserId(user.id),
        external_id=user.external_id,
        user_name=user.name,
        active=user.is_active,
    )


def group_ref(group: Resource) -> GroupRef:
    """Return how events name a group."""
    return GroupRef(id=GroupId(group.id), external_id=group.external_id, display_name=group.name)
