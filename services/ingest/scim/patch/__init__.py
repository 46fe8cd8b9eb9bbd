"""PATCH as a function of values: document and operations in, document out (RFC 7644 §3.5.2).

Nothing is changed in place and nothing half: an operation that cannot be applied raises.
"""

from services.ingest.scim.patch.members import GroupPatch, MemberEdits, apply_to_group
from services.ingest.scim.patch.resource import apply

__all__ = ["GroupPatch", "MemberEdits", "apply", "apply_to_group"]
