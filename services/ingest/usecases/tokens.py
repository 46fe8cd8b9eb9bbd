"""Bearer tokens: issue, list, revoke, and let in."""

import secrets
from collections.abc import Mapping
from datetime import datetime

from services.ingest.domain import tokens
from services.ingest.domain.directories import LIVE_TOKENS, StateError, TooManyTokensError
from services.ingest.domain.peppers import Peppers
from services.ingest.domain.tokens import Access, Token
from services.ingest.store import directories
from shared import db
from shared.contracts.ids import DirectoryId
from shared.contracts.management import NewToken

_RANDOM_BYTES = 32
_KEY_ID_BYTES = 5


async def issue(
    database: db.Database, peppers: Peppers, directory: str, wanted: NewToken, now: datetime
) -> tuple[Token, str]:
    """Return a new token and its value, told this once.

    Raises UnknownError, StateError, TooManyTokensError.
    """
    key_id = secrets.token_hex(_KEY_ID_BYTES)
    value = tokens.compose(key_id, secrets.token_bytes(_RANDOM_BYTES))
    async with database.transaction() as tx:
        owner = await directories.lock(tx, directory)
        if owner.state == "deleted":
            raise StateError("This directory was deleted; connect the provider to a new one.")
        existing = await directories.tokens(tx, owner.id)
        if sum(token.is_live(now) for token in existing) >= LIVE_TOKENS:
            raise TooManyTokensError(
                f"{LIVE_TOKENS} tokens are in use already; revoke one before creating another."
            )
        token = Token(
            key_id,
            owner.id,
            wanted.label,
            peppers.digest(value),
            value[-4:],
            now,
            wanted.expires_at,
        )
        await directories.insert_token(tx, token)
    return token, value


async def listed(database: db.Database, directory: str) -> list[Token]:
    """Return the tokens of a directory. Raises UnknownError."""
    async with database.connection() as connection:
        owner = await directories.get(connection, directory)
        return await directories.tokens(connection, owner.id)


async def revoke(database: db.Database, directory: str, key_id: str, now: datetime) -> None:
    """End a token, effective in every process within 5 s. Raises UnknownError."""
    async with database.transaction() as tx:
        owner = await directories.get(tx, directory)
        await directories.revoke(tx, owner.id, key_id, now)


async def access(database: db.Database, peppers: Peppers, value: str) -> Access | None:
    """Return what a token opens, None for anything that is no live token.

    What a pepper of before made is made anew with the current one: so each token that is used
    changes over by itself.
    """
    key_id = tokens.key_id_of(value)
    if key_id is None:
        return None
    async with database.connection() as connection:
        found = await directories.access(connection, key_id)
        if found is None:
            return None
        stored, opened = found
        if not peppers.fits(stored, value):
            return None
        fresh = peppers.digest(value)
        if stored != fresh:
            await directories.reseal(connection, opened, stored, fresh)
    return opened


async def record_use(database: db.Database, used: Mapping[str, datetime]) -> None:
    """Note when tokens were used last."""
    async with database.connection() as connection:
        await directories.record_use(connection, used)


def opens(access: Access, directory: DirectoryId, now: datetime) -> bool:
    """Tell whether a token belongs to the directory and has not expired meanwhile."""
    in_time = access.expires_at is None or access.expires_at > now
    return access.directory == directory and in_time
