"""Bulk as values (RFC 7644 §3.7): a request's operations, their order, and their references.

Who executes the operations stands elsewhere; here is what can be known from the request alone.
"""

from services.ingest.scim.bulk.operations import Job, Operation, job
from services.ingest.scim.bulk.order import steps
from services.ingest.scim.bulk.references import resolved

__all__ = ["Job", "Operation", "job", "resolved", "steps"]
