"""`bulkId:x` in an operation: the resource that the POST with that bulkId makes (§3.7.2).

A reference is a whole value (`"value": "bulkId:x"`), the last part of an address
(`"$ref": "../Users/bulkId:x"`), or stands in the filter of a PATCH path
(`members[value eq "bulkId:x"]`).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from services.ingest.scim.errors import Unresolved

_PREFIX = "bulkId:"
_REFERENCE = re.compile(r'(?P<lead>\A(?:.*/)?)bulkId:(?P<whole>[^/]+)\Z|"bulkId:(?P<quoted>[^"]+)"')
# What is nested deeper than any value may be is refused where it is normalised.
_MAX_DEPTH = 30


def find(data: Any, depth: int = _MAX_DEPTH) -> Iterator[str]:
    """Yield the bulkIds that a decoded body refers to; keys are no values."""
    if isinstance(data, str):
        if _PREFIX in data:
            yield from (each["whole"] or each["quoted"] for each in _REFERENCE.finditer(data))
    elif depth and isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from find(each, depth - 1)


def resolved(data: Any, ids: Mapping[str, str], depth: int = _MAX_DEPTH) -> Any:
    """Return the body with each reference replaced by the id. Raises Unresolved."""
    match data:
        case str():
            return _with_ids(data, ids) if _PREFIX in data else data
        case list() if depth:
            return [resolved(each, ids, depth - 1) for each in data]
        case dict() if depth:
            return {key: resolved(each, ids, depth - 1) for key, each in data.items()}
        case _:
            return data


def _with_ids(text: str, ids: Mapping[str, str]) -> str:
    def replaced(found: re.Match[str]) -> str:
        bulk_id = found["whole"] or found["quoted"]
        if bulk_id not in ids:
            raise Unresolved(bulk_id)
        return f'"{ids[bulk_id]}"' if found["quoted"] else f"{found['lead']}{ids[bulk_id]}"

    return _REFERENCE.sub(replaced, text)
