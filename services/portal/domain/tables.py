"""Rows as comma-separated values (RFC 4180) that a spreadsheet reads and never executes. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from services.portal.domain import activity
from services.portal.domain.rows import UserRow
from shared.contracts.management import Request

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for something else."""
USERS = ("Name", "User name", "E-mail", "State", "Groups", "Roles", "Updated (UTC)")
CALLS = (
    "Time (UTC)", "Action", "Status", "scimType", "Method", "Path", "Query", "Advice",
    "Duration (ms)", "Request id",
)  # fmt: skip
# What a spreadsheet would take for a formula, or for the end of a cell in front of one.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


def lines(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as text; a cell that looks like a formula has an apostrophe in front."""
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULAS) else cell


def user(row: UserRow) -> Sequence[str]:
    """Return a user as a row of the table of users."""
    return (
        row.display_name,
        row.user_name,
        row.email or "",
        "active" if row.active else "inactive",
        "; ".join(row.groups),
        "; ".join(row.roles),
        _moment(row.updated_at),
    )


def call(request: Request, provider: str) -> Sequence[str]:
    """Return a call as a row of the table of calls."""
    return (
        _moment(request.at),
        activity.action(request),
        str(request.status),
        request.scim_type or "",
        request.method,
        request.path,
        request.query,
        activity.advice(request, provider) or "",
        f"{request.duration_ms:.1f}",
        request.id,
    )


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
