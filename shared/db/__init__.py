"""Postgres: a pool with deadlines, transactions, what is transient, and migrations.

Ids are text in Python and uuid in Postgres, jsonb columns are dictionaries; the codecs are set
here once. SQL lives in the `store` rooms, not here.
"""

from shared.db.errors import (
    DatabaseRefusedError,
    DatabaseUnavailableError,
    is_full,
    is_rolled_back,
    is_transient,
    repeated,
)
from shared.db.migrations import (
    Migration,
    MigrationError,
    SchemaBehindError,
    apply,
    migrate,
    migrations_of,
    missing,
    wait_for,
)
from shared.db.opening import Connection
from shared.db.pool import Database, Record, connect, sharing

__all__ = [
    "Connection",
    "Database",
    "DatabaseRefusedError",
    "DatabaseUnavailableError",
    "Migration",
    "MigrationError",
    "Record",
    "SchemaBehindError",
    "apply",
    "connect",
    "is_full",
    "is_rolled_back",
    "is_transient",
    "migrate",
    "migrations_of",
    "missing",
    "repeated",
    "sharing",
    "wait_for",
]
