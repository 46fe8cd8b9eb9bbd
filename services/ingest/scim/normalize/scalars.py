"""A single value that is no object, in the form that its type has (RFC 7643 §2.3)."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from services.ingest.scim.errors import InvalidValue
from services.ingest.scim.schema import LARGEST_INTEGER, Attribute, instant, moment_text

_BOOLEANS = {"true": True, "false": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}", re.ASCII)


def text(name: str, raw: str) -> str:
    """Return text that a database and UTF-8 can hold."""
    if "\x00" in raw:
        raise InvalidValue(name, "it holds a NUL character")
    try:
        if not raw.isascii():
            raw.encode()
    except UnicodeEncodeError as error:
        raise InvalidValue(name, "it holds half a surrogate pair") from error
    return raw


def _string(attribute: Attribute, raw: object) -> str:
    # Templates are edited by hand: a bare number ("employeeNumber": 1187) is meant as its digits.
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return str(raw)
    if not isinstance(raw, str):
        raise InvalidValue(attribute.name, "it must be text")
    return text(attribute.name, raw)


def _boolean(attribute: Attribute, raw: object) -> bool:
    # Entra sends "True"; OneLogin's {$user.active} can only yield text. Refusing stops the sync.
    settled = _BOOLEANS.get(raw.strip().lower()) if isinstance(raw, str) else raw
    if not isinstance(settled, bool):
        raise InvalidValue(attribute.name, "it must be true or false")
    return settled


def _integer(attribute: Attribute, raw: object) -> int:
    # Templates can only yield text: "1187" is meant as the number.
    if isinstance(raw, str) and _INTEGER.fullmatch(raw.strip()):
        raw = int(raw)
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise InvalidValue(attribute.name, "it must be a whole number")
    if abs(raw) > LARGEST_INTEGER:
        raise InvalidValue(attribute.name, f"it is larger than {LARGEST_INTEGER}")
    return raw


def _decimal(attribute: Attribute, raw: object) -> float:
    """Return a double, which is what a JSON number is to most readers."""
    if isinstance(raw, str) and _DECIMAL.fullmatch(raw.strip()):
        raw = float(raw)
    if not isinstance(raw, int | float) or isinstance(raw, bool):
        raise InvalidValue(attribute.name, "it must be a number")
    if (isinstance(raw, int) and abs(raw) > LARGEST_INTEGER) or not math.isfinite(raw):
        raise InvalidValue(attribute.name, "it is a number of unusual size")
    return float(raw)


def _date_time(attribute: Attribute, raw: object) -> str:
    """Return the moment as `moment_text`: the same one in another zone is no change."""
    try:
        moment = instant(raw.strip() if isinstance(raw, str) else "")
    except ValueError as error:
        reason = "it must be a moment such as 2026-03-01T09:30:00Z"
        raise InvalidValue(attribute.name, reason) from error
    return moment_text(moment)


def _binary(attribute: Attribute, raw: object) -> str:
    """Return base64, also that for URLs and without padding (RFC 7643 §2.3.6).

    A certificate that was pasted as PEM is meant without its frame.
    """
    lines = raw.splitlines() if isinstance(raw, str) else []
    bare = "".join("".join(line.split()) for line in lines if not line.startswith("-----"))
    if not _BASE64.fullmatch(bare):
        raise InvalidValue(attribute.name, "it must be base64")
    return bare


BY_TYPE: Mapping[str, Callable[[Attribute, object], Any]] = {
    "string": _string,
    "reference": _string,
    "binary": _binary,
    "dateTime": _date_time,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
}
