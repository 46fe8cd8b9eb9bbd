"""What a list or search asks for, alike in a query string and in a SearchRequest body.

RFC 7644 §3.4.2 and §3.4.3; `cursor` from RFC 9865 §2. Names are read in any case.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.ingest.scim.errors import InvalidCount, InvalidCursor, InvalidSyntax, InvalidValue
from services.ingest.scim.projection import Names

MAX_RESULTS = 200
"""The largest page; a list never holds more, whatever `count` asks for."""
DEFAULT_COUNT = 100
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search: `start_index` is 1-based; `cursor` is None for index paging, "" for the start."""

    filter: str | None = None
    sort_by: str | None = None
    is_descending: bool = False
    start_index: int = 1
    count: int = DEFAULT_COUNT
    cursor: str | None = None
    attributes: Names = None
    excluded: Names = None


def read(raw: object) -> SearchRequest:
    """Return the search that a query or a decoded body describes; unassigned is absent.

    Raises InvalidSyntax, InvalidValue, InvalidCount, InvalidCursor.
    """
    if not isinstance(raw, Mapping):
        raise InvalidSyntax("it must be a JSON object, as SearchRequest in RFC 7644 section 3.4.3")
    given = {name.lower(): value for name, value in raw.items()}
    fields = {
        field: reader(name, given[name.lower()])
        for name, (field, reader) in _FIELDS.items()
        if given.get(name.lower()) is not None
    }
    return _paged(SearchRequest(**fields), has_count="count" in fields)


def _paged(request: SearchRequest, *, has_count: bool) -> SearchRequest:
    if request.cursor is None:
        return request
    if has_count and request.count < 1:
        raise InvalidCount
    if request.start_index > 1:
        raise InvalidCursor
    return request


def names(name: str, raw: Any) -> Names:
    """Return names of attributes: text with commas, or a list. None if there are none."""
    listed = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise InvalidValue(name, "it must be names of attributes")
    return frozenset(filter(None, (each.strip() for each in listed))) or None


def _text(name: str, raw: Any) -> str | None:
    if not isinstance(raw, str):
        raise InvalidValue(name, "it must be text")
    return raw if raw or name == "cursor" else None


def _is_descending(name: str, raw: Any) -> bool:
    try:
        return {"": False, "ascending": False, "descending": True}[str(raw).lower()]
    except KeyError as error:
        raise InvalidValue(name, "it must be ascending or descending") from error


def _number(name: str, raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        raise InvalidValue(name, "it must be a whole number")
    try:
        return max(min(int(raw), _MOST), -1)
    except ValueError as error:
        raise InvalidValue(name, "it must be a whole number") from error


def _start(name: str, raw: Any) -> int:
    return max(_number(name, raw), 1) if raw != "" else 1


def _count(name: str, raw: Any) -> int:
    return min(max(_number(name, raw), 0), MAX_RESULTS) if raw != "" else DEFAULT_COUNT


_FIELDS: Mapping[str, tuple[str, Callable[[str, Any], Any]]] = {
    "filter": ("filter", _text),
    "sortBy": ("sort_by", _text),
    "sortOrder": ("is_descending", _is_descending),
    "startIndex": ("start_index", _start),
    "count": ("count", _count),
    "cursor": ("cursor", _text),
    "attributes": ("attributes", names),
    "excludedAttributes": ("excluded", names),
}
