"""What a client can do with a resource, whatever its type: the same four functions for each."""

from collections.abc import Mapping
from typing import Any, Protocol

from services.ingest.domain.preconditions import ANY_VERSION, Precondition
from services.ingest.domain.resources import Act, Resource
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.usecases import groups, users
from shared import db


class UseCases(Protocol):
    """The functions of one type; `raw` is a decoded body."""

    async def create(
        self, database: db.Database, act: Act, raw: Any, new_id: str | None = None
    ) -> Resource:
        """Create one; an id is issued where none is given."""

    async def replace(
        self,
        database: db.Database,
        act: Act,
        key: str,
        raw: Any,
        when: Precondition = ANY_VERSION,
    ) -> Resource:
        """Replace one."""

    async def patched(
        self,
        database: db.Database,
        act: Act,
        key: str,
        raw: Any,
        when: Precondition = ANY_VERSION,
    ) -> Resource:
        """Apply operations to one."""

    async def delete(
        self, database: db.Database, act: Act, key: str, when: Precondition = ANY_VERSION
    ) -> None:
        """Delete one."""


BY_TYPE: Mapping[str, UseCases] = {USER.name: users, GROUP.name: groups}
"""The functions by the name of the type."""
