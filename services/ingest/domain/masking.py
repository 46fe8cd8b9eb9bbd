"""Masks what a provider sent: its shape stays, the people in it do not.

Kept: names of attributes, schemas, operations, ids that are UUIDs, booleans, types such as "work".
Other text shows its ends and its length ("m…t (16)"), so that whoever knows it recognises it.
Secrets show nothing, not even their length.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_plus

HIDDEN = "(hidden)"
_MAX_CHARS = 15 * 1024
_MAX_DEPTH = 12
_MAX_ELEMENTS = 10
_MAX_TEXT = 512
_MAX_PARAMETERS = 20
# An answer repeats no more than so many characters of what was not understood.
_REPEATED = 100
# Of anything shorter, the two ends would be most of it.
_SHOWN_FROM = 6
_MAX_COMMON = 128
_CONTAINERS = (dict, list)

_NAME = r"\$?[A-Za-z][A-Za-z0-9_$-]{0,63}"
_URN = r"(?:urn:|https?://)[A-Za-z0-9_.:/-]{1,160}"
_SCHEMA = re.compile(_URN)
_PATH = re.compile(rf"{_NAME}(?:\.{_NAME}){{0,3}}|{_URN}")
_TAIL = re.compile(rf"(?:\.{_NAME})?")
_ENDPOINT = re.compile(r"[A-Za-z.]{1,32}")
_WORD = re.compile(r"[A-Za-z]{1,12}")
_NUMBER = re.compile(r"-?[0-9]{1,10}")
_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"?|[()\[\]]|[^\s()\[\]"]+|\s+')
_LOOKUP = re.compile(rf'({_NAME} eq )"([^"\\]*)"')
_COMPARISONS = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})
_KEYWORDS = _COMPARISONS | {"pr", "and", "or", "not", "(", ")", "[", "]"}
_SECRET = re.compile(r"passw|pwd|secret|token|credential|privatekey", re.IGNORECASE)
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID_CHARS = 36
_CANONICAL = frozenset({
    "true", "false", "null", "none", "work", "home", "other", "mobile", "fax", "pager", "photo",
    "thumbnail", "direct", "indirect", "user", "group",
})  # fmt: skip
_LONGEST_CANONICAL = max(map(len, _CANONICAL))


def text(value: str) -> str:
    """Return the ends and the length of a value; what is blank says so."""
    if not value:
        return ""
    if value.isspace():
        return f"({len(value)} blank)"
    if len(value) < _SHOWN_FROM:
        return f"… ({len(value)})"
    if value.isprintable() and value[0] != " " != value[-1]:
        return f"{value[0]}…{value[-1]} ({len(value)})"
    return f"{_shown(value[0])}…{_shown(value[-1])} ({len(value)})"


def _shown(character: str) -> str:
    if character.isspace():
        return "␠"
    return character if character.isprintable() else "�"


def _value(value: str) -> str:
    """Return a value as it is when it says nothing about a person."""
    if len(value) <= _LONGEST_CANONICAL:
        return value if value.lower() in _CANONICAL else text(value)
    return value if len(value) == _ID_CHARS and _ID.fullmatch(value) else text(value)


def path(value: str) -> str:
    """Return the path of a PATCH operation, its filter masked (RFC 7644 §3.5.2)."""
    if value.startswith("/"):
        return url_path(value)
    head, bracket, rest = value.partition("[")
    if not _PATH.fullmatch(head):
        return text(value)
    if not bracket:
        return head
    inside, _, tail = rest.rpartition("]")
    return f"{head}[{filter_text(inside)}]{tail if _TAIL.fullmatch(tail) else text(tail)}"


def filter_text(value: str) -> str:
    """Return a filter with its values masked, also one that cannot be parsed."""
    # Nearly every request that has a filter has this one.
    if lookup := _LOOKUP.fullmatch(value):
        return f'{lookup[1]}"{_value(lookup[2])}"'[:_MAX_TEXT]
    parts = _PARTS.findall(value[: 2 * _MAX_TEXT])
    words = [number for number, part in enumerate(parts) if not part.isspace()]
    lowered = ["", *(parts[number].lower() for number in words), ""]
    for place, number in enumerate(words):
        parts[number] = _part(lowered[place], parts[number], lowered[place + 2])
    return "".join(parts)[:_MAX_TEXT]


def _part(before: str, part: str, after: str) -> str:
    if part.startswith('"'):
        return f'"{_value(part.strip(chr(34)))}"'
    if before in _COMPARISONS:
        return _value(part)
    is_name = after in _COMPARISONS or after in {"pr", "["}
    if is_name and (_PATH.fullmatch(part) or _TAIL.fullmatch(part)):
        return part
    return part if part.lower() in _KEYWORDS else text(part)


def url_path(value: str) -> str:
    """Return the path of an address below the directory: endpoints, ids and schemas stay."""
    first, *others = unquote(value).removeprefix("/").split("/")
    endpoint = first if _ENDPOINT.fullmatch(first) else text(first)
    return "/" + "/".join([endpoint, *map(_segment, others)])[:_MAX_TEXT]


def _segment(value: str) -> str:
    keeps = value == ".search" or _SCHEMA.fullmatch(value)
    return value if keeps else _value(value)


def query(value: str) -> str:
    """Return the query of an address, decoded, in the order it came in."""
    parameters = [part for part in value.split("&")[:_MAX_PARAMETERS] if part]
    return "&".join(map(_parameter, parameters))[: 2 * _MAX_TEXT]


def _parameter(part: str) -> str:
    raw_name, equals, raw_value = part.partition("=")
    name, value = unquote_plus(raw_name), unquote_plus(raw_value)
    shown = name if name.lower() in _PARAMETERS else text(name)
    if _is_secret(name):
        return f"{shown}={HIDDEN}"
    return f"{shown}{equals}{_PARAMETERS.get(name.lower(), _value)(value)}"


def _names(value: str) -> str:
    return ",".join(path(part.strip()) for part in value.split(",")[:50])


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    return lambda value: value if pattern.fullmatch(value) else text(value)


_PARAMETERS: Mapping[str, Callable[[str], str]] = {
    "filter": filter_text,
    "attributes": _names,
    "excludedattributes": _names,
    "sortby": path,
    "sortorder": _matching(_WORD),
    "startindex": _matching(_NUMBER),
    "count": _matching(_NUMBER),
    "cursor": text,
    "aadoptscim062020": text,
}
_STRINGS: Mapping[str, Callable[[str], str]] = {
    "schemas": _matching(_SCHEMA),
    "op": _matching(_WORD),
    "method": _matching(_WORD),
    "resourcetype": _matching(_WORD),
    "path": path,
    "filter": filter_text,
    "attributes": path,
    "excludedattributes": path,
    "sortby": path,
    "sortorder": _matching(_WORD),
}
_NUMBERS = frozenset({"startindex", "count", "failonerrors", "itemsperpage", "totalresults"})


class _Key(NamedTuple):
    """A name in a document: as it is shown, as it compares, and how texts below it are masked."""

    shown: str
    name: str
    is_secret: bool
    mask: Callable[[str], str]


def _key(name: str) -> _Key:
    lowered = name.lower()
    return _Key(path(name), lowered, _is_secret(lowered), _STRINGS.get(lowered, _value))


# Providers send the same few names again and again.
_common_key = lru_cache(maxsize=4096)(_key)


def _known(name: str) -> _Key:
    return _common_key(name) if len(name) <= _MAX_COMMON else _key(name)


def document(value: Any) -> Any:
    """Return decoded JSON masked: at most about 16 KiB, long lists cut with a count."""
    return _masked(_known(""), value, _Room(_MAX_CHARS), 0)


class _Room:
    """How many characters may still be written."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, written: str) -> None:
        # Quotes, separators, and the two ends of a value in up to four bytes each.
        self.left -= len(written) + 12


def _masked(key: _Key, value: Any, room: _Room, depth: int) -> Any:
    if key.is_secret:
        return HIDDEN
    if not isinstance(value, _CONTAINERS):
        shown = _leaf(key, value)
        room.take(shown if isinstance(shown, str) else str(shown))
        return shown
    if depth == _MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        return _object(value, room, depth + 1)
    return _list(key, value, room, depth + 1)


def _object(value: Mapping[str, Any], room: _Room, depth: int) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    target = _target(value)
    for number, (name, child) in enumerate(value.items()):
        if room.left <= 0:
            shown["…"] = f"{len(value) - number} more"
            break
        key = _known(name)
        room.take(key.shown)
        below = target if target and key.name == "value" else key
        shown[key.shown] = _masked(below, child, room, depth)
    return shown


def _list(key: _Key, value: list[Any], room: _Room, depth: int) -> list[Any]:
    shown: list[Any] = []
    for child in value[:_MAX_ELEMENTS]:
        if room.left <= 0:
            break
        shown.append(_masked(key, child, room, depth))
    if len(shown) < len(value):
        shown.append(f"… {len(value) - len(shown):,} more")
    return shown


def _target(value: Mapping[str, Any]) -> _Key | None:
    """Return what names the value of a PATCH operation: where its path leads."""
    for name, path_of_value in value.items():
        if len(name) == len("path") and name.lower() == "path":
            return _key(path_of_value) if isinstance(path_of_value, str) else None
    return None


def _leaf(key: _Key, value: Any) -> Any:
    if isinstance(value, str):
        return key.mask(value)[:_MAX_TEXT]
    if value is None or isinstance(value, bool):
        return value
    return value if key.name in _NUMBERS else f"number ({len(str(value))})"


def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


def detail(value: str, sent: Any, address: str) -> str:
    """Return the text of an answer, without any value of the request that it repeats.

    `sent` is the decoded body, `address` the raw path below the directory.
    """
    for name, each in _leaves(sent):
        if each in value:
            value = value.replace(each, HIDDEN if _is_secret(name) else _leaf(_key(name), each))
    for each, shown in zip(unquote(address).split("/"), url_path(address).split("/"), strict=False):
        if each != shown:
            value = value.replace(each[:_REPEATED], shown)
    return value


def _leaves(sent: Any) -> Iterator[tuple[str, str]]:
    """Yield every text that an answer might repeat, under the name that decides its mask."""
    waiting = [("", sent)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [("path", key) for key in value if path(key) != key]
            target = _target(value)
            waiting += [
                (_inherited(name, target.name if target and key.lower() == "value" else key), each)
                for key, each in value.items()
            ]
        elif isinstance(value, list):
            waiting += [(name, child) for child in value]
        elif isinstance(value, str) and len(value) >= 3:  # noqa: PLR2004  # shorter is in any word
            yield name, value[:_REPEATED]
            yield name, value.partition("[")[0][:_REPEATED] or value[:_REPEATED]


def _inherited(name: str, own: str) -> str:
    return name if _is_secret(name) else own
