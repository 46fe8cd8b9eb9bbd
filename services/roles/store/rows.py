"""Rows as the values that they stand for."""

from shared import db
from shared.contracts.directory_events import GroupRef, UserRef


def user(row: db.Record) -> UserRef:
    """Return the user of a row with `id`, `user_name`, `external_id`, `active`."""
    return UserRef(
        id=row["id"],
        user_name=row["user_name"],
        external_id=row["external_id"],
        active=row["active"],
    )


def group(row: db.Record) -> GroupRef:
    """Return the group of a row with `id`, `display_name`, `external_id`."""
    return GroupRef(id=row["id"], display_name=row["display_name"], external_id=row["external_id"])
