"""Which version of a resource a request is about (RFC 7644 §3.14): a value that use cases check."""

from dataclasses import dataclass

from services.ingest.domain.resources import Resource
from services.ingest.scim.errors import PreconditionFailed
from services.ingest.scim.etag import Tags


@dataclass(frozen=True, slots=True)
class Precondition:
    """What If-Match (`only`) and If-None-Match (`never`) ask for; None where they are absent."""

    only: Tags | None = None
    never: Tags | None = None

    def is_known(self, resource: Resource) -> bool:
        """Whether the client has this version already: a GET needs no body."""
        return self.never is not None and self.never.include(resource.version)

    def is_lost(self, resource: Resource) -> bool:
        """Whether the client speaks of a version that is no longer there."""
        return self.only is not None and not self.only.include(resource.version)

    def check(self, locked: Resource) -> None:
        """Let a write pass; with the row locked, check and write are one step.

        Raises PreconditionFailed.
        """
        if self.is_lost(locked) or self.is_known(locked):
            raise PreconditionFailed


ANY_VERSION = Precondition()
"""No condition."""
