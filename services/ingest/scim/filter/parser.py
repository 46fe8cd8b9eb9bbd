"""Text to tree: recursive descent over the grammar of RFC 7644 §3.4.2.2, bounded in size and depth.

    or:      and ("or" and)*
    and:     term ("and" term)*
    term:    ["not"] "(" or ")"  |  path "pr"  |  path operator value
             path "[" or "]" ["." name (operator value | "pr")]

Errors name positions and attributes, never values.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, get_args

from services.ingest.scim.errors import InvalidFilter
from services.ingest.scim.filter.tree import (
    And,
    Comparison,
    Filter,
    Literal,
    Not,
    Operator,
    Or,
    Present,
    ValuePath,
)

MAX_BYTES = 4096
MAX_DEPTH = 20
MAX_TERMS = 100
"""Each becomes a part of one SQL condition; a filter of 100 ids is longer than MAX_BYTES."""

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([()\[\]])|([^\s()\[\]"]+))')
_NAME = r"[a-z$][a-z0-9_$-]*"
_PATH = re.compile(rf"(?:urn:[a-z0-9_.:-]+:)?{_NAME}(?:\.{_NAME}){{0,2}}", re.ASCII | re.IGNORECASE)
_SUB_PATH = re.compile(rf"\.{_NAME}", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?", re.ASCII | re.IGNORECASE)
_LOOKUP = re.compile(
    rf'(?!not )({_PATH.pattern}) eq "([^"\\\x00-\x1f]*)"', re.ASCII | re.IGNORECASE
)
_WORDS: dict[str, Literal] = {"true": True, "false": False, "null": None}
_OPERATORS: dict[str, Operator] = {word: word for word in get_args(Operator)}


def parse(text: str) -> Filter:
    """Return the tree of a filter. Raises InvalidFilter."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise InvalidFilter(f"it is longer than {MAX_BYTES} bytes")
    if not _is_storable(text):
        raise InvalidFilter("it holds a NUL character or half a surrogate pair")
    # Nearly every filter is a lookup; the grammar would find the same, for ten times the work.
    if lookup := _LOOKUP.fullmatch(text):
        return Comparison(lookup[1], "eq", lookup[2])
    parser = _Parser(_tokens(text))
    tree = parser.disjunction(0)
    if not parser.token.is_end:
        parser.fail('"and", "or" or the end')
    return tree


def number(text: str) -> int | float:
    """Return the JSON number that the text is. Raises ValueError."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    found: int | float = json.loads(text)
    return found


def _is_storable(text: str) -> bool:
    """Whether a database can be asked about it; UTF-8 has no halves of surrogate pairs."""
    return "\x00" not in text and text.encode(errors="ignore").decode() == text


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    position: int
    is_word: bool = False

    @property
    def is_end(self) -> bool:
        return not self.text

    @property
    def keyword(self) -> str:
        return self.text.lower() if self.is_word else ""


def _tokens(text: str) -> list[_Token]:
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            raise InvalidFilter(f"a quote is opened at character {position + 1} and never closed")
        start = found.start(found.lastindex or 0)
        tokens.append(_Token(text[start : found.end()], start + 1, is_word=bool(found.group(3))))
        position = found.end()
    return [*tokens, _Token("", end + 1)]


class _Parser:
    """The tokens and how far they are read."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._index = 0
        self._terms = 0

    @property
    def token(self) -> _Token:
        return self._tokens[self._index]

    def fail(self, expected: str) -> NoReturn:
        raise InvalidFilter(f"{expected} is expected at character {self.token.position}")

    def _take(self) -> _Token:
        token = self.token
        self._index += not token.is_end
        return token

    def _expect(self, text: str) -> None:
        if self.token.text != text:
            self.fail(f'"{text}"')
        self._take()

    def disjunction(self, depth: int) -> Filter:
        terms = self._several("or", self._conjunction, depth)
        return Or(terms) if len(terms) > 1 else terms[0]

    def _conjunction(self, depth: int) -> Filter:
        terms = self._several("and", self._term, depth)
        return And(terms) if len(terms) > 1 else terms[0]

    def _several(self, word: str, part: Callable[[int], Filter], depth: int) -> tuple[Filter, ...]:
        terms = [part(depth)]
        while self.token.keyword == word:
            self._take()
            terms.append(part(depth))
        return tuple(terms)

    def _term(self, depth: int) -> Filter:
        if self.token.text == "(":
            return self._nested("(", ")", depth)
        if self.token.keyword == "not":
            self._take()
            return Not(self._nested("(", ")", depth))
        path = self._path()
        if self.token.text == "[":
            return self._value_path(path, depth)
        return self._test(path)

    def _nested(self, opening: str, closing: str, depth: int) -> Filter:
        if depth == MAX_DEPTH:
            raise InvalidFilter(f"it is nested more than {MAX_DEPTH} deep")
        self._expect(opening)
        tree = self.disjunction(depth + 1)
        self._expect(closing)
        return tree

    def _path(self) -> str:
        if not (self.token.is_word and _PATH.fullmatch(self.token.text)):
            self.fail("the name of an attribute")
        return self._take().text

    def _value_path(self, path: str, depth: int) -> Filter:
        term = self._nested("[", "]", depth)
        if _SUB_PATH.fullmatch(self.token.text):
            # Beyond the grammar: Entra looks users up by emails[type eq "work"].value eq "…".
            test = self._test(self._take().text.removeprefix("."))
            term = And((*term.terms, test) if isinstance(term, And) else (term, test))
        return ValuePath(path, term)

    def _test(self, path: str) -> Filter:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise InvalidFilter(f"it has more than {MAX_TERMS} terms")
        if self.token.keyword == "pr":
            self._take()
            return Present(path)
        operator = _OPERATORS.get(self.token.keyword)
        if operator is None:
            self.fail("an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr)")
        self._take()
        return Comparison(path, operator, self._value())

    def _value(self) -> Literal:
        token = self.token
        value: Literal
        if token.text.startswith('"'):
            value = self._quoted(token.text)
        elif token.is_word:
            value = self._bare(token.text)
        else:
            self.fail("a value")
        self._take()
        return value

    def _quoted(self, text: str) -> str:
        try:
            value = str(json.loads(text))
            value.encode()
        except ValueError:
            self.fail("a JSON string")
        if "\x00" in value:
            self.fail("a string without NUL")
        return value

    def _bare(self, text: str) -> Literal:
        if _NUMBER.fullmatch(text):
            if math.isinf(float(text)):
                self.fail("a number of usual size")
            return number(text)
        # Microsoft documents a lookup without quotes: externalId eq jdoe.
        return _WORDS.get(text.lower(), text)
