"""How much one request may ask for: what is beyond is refused before anything walks it.

Each limit is far above what providers send, and low enough that a request within all of them costs
some tens of milliseconds at most.
"""

import re
from collections.abc import Sized
from typing import Any

from services.ingest.scim.errors import InvalidSyntax, InvalidValue, PayloadTooLarge
from services.ingest.scim.messages import Operation

MAX_BODY_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 60_000
"""Values in one body; a list of as many members as fit into it has fewer."""
MAX_FIELDS = 1_000
"""Attributes of one object, and values of one attribute; members, which are rows, have no limit."""
MAX_OPERATIONS = 1_000
"""Operations in one PATCH; each key of an operation without a path counts as one."""
MAX_STEPS = 10_000
"""What the operations of one PATCH may look at, in elements times the length of what selects."""

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_INNERMOST = re.compile(rb"[\[{][^\[\]{}]*[\]}]")
_CHARS_A_STEP = 32


def check_shape(body: bytes, *, times: int = 1) -> None:
    """Raise InvalidSyntax for valid JSON that is nested too deep or holds too many values.

    `times` as many where a body may be so many times as large.
    """
    opened = body.count(b"[") + body.count(b"{")
    if opened + body.count(b",") <= MAX_DEPTH:
        return
    bare = _STRING.sub(b"0", body)
    opened = bare.count(b"[") + bare.count(b"{")
    if opened + bare.count(b",") > MAX_NODES * times:
        raise InvalidSyntax(f"it holds more than {MAX_NODES * times} values")
    if opened > MAX_DEPTH and _is_deep(bare):
        raise InvalidSyntax(f"it is nested more than {MAX_DEPTH} deep")


def _is_deep(bare: bytes) -> bool:
    """Peel off the innermost brackets, a level at a time."""
    for _ in range(MAX_DEPTH):
        bare, found = _INNERMOST.subn(b"0", bare)
        if not found:
            return False
    return b"[" in bare or b"{" in bare


def check_fields(name: str, values: Sized) -> None:
    """Raise InvalidValue for an object or a list that is larger than any that is meant."""
    if len(values) > MAX_FIELDS:
        raise InvalidValue(name, f"it holds more than {MAX_FIELDS} values")


class Budget:
    """What the operations of one PATCH have cost so far: many times many must stay few."""

    def __init__(self) -> None:
        self._targets = 0
        self._steps = 0

    def spend(self, current: Any, operation: Operation, value: Any) -> None:
        """Count one target: its elements, what selects among them, what they are compared with.

        Raises PayloadTooLarge.
        """
        self._targets += 1
        if self._targets > MAX_OPERATIONS:
            raise PayloadTooLarge(f"{MAX_OPERATIONS} operations")
        elements = len(current) if isinstance(current, list) else 0
        others = len(value) if operation.op == "remove" and isinstance(value, list) else 0
        selecting = len(operation.path or "") // _CHARS_A_STEP
        self._steps += (1 + elements) * (1 + others + selecting)
        if self._steps > MAX_STEPS:
            raise PayloadTooLarge("what the operations of one PATCH may touch")
