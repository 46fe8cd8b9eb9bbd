"""Bytes → JSON, in the one place that knows how orjson says that there is no memory."""

from typing import Any

import orjson

_NO_MEMORY = "Not enough memory"


def json(raw: bytes | str) -> Any:
    """Return the decoded text. Raises orjson.JSONDecodeError for a fault in it, and MemoryError.

    orjson calls a lack of memory a fault of the text. To believe it would tell a provider that its
    request is wrong, and park a directory whose event is sound.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith(_NO_MEMORY):
            raise MemoryError(error.msg) from error
        raise
