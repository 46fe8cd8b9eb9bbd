"""How texts that are not caseExact compare (RFC 7643 §2.2, RFC 7644 §5): NFC and lower case.

Letter by letter and out of a fixed table, since the database computes the same (its function
`folded` holds the table): neither its locale nor the Unicode version of Python may matter.
"""

import unicodedata
from collections.abc import Iterator

# Where the case pairs of Unicode 14 are (but for four medieval letters), the oldest version that a
# supported Python knows; later versions added pairs beyond them, and U+1C89 in between.
_RANGES = (
    range(0x80, 0xA7CB),
    range(0xFF21, 0xFF3B),
    range(0x10400, 0x10CB3),
    range(0x118A0, 0x118C0),
    range(0x16E40, 0x16E60),
    range(0x1E900, 0x1E922),
)
_LATER = 0x1C89
# One letter each, so that no text changes its length: dotted I is i, a final sigma is a sigma.
_SPECIAL = {"\u0130": "i", "\u03c2": "\u03c3"}


def _pairs() -> Iterator[tuple[str, str]]:
    for code in (code for letters in _RANGES for code in letters if code != _LATER):
        letter = chr(code)
        lower = _SPECIAL.get(letter) or letter.lower()
        if lower != letter:
            yield letter, lower


LOWER = dict(_pairs())
"""Every letter beyond ASCII that another one stands for."""
_TABLE = str.maketrans({chr(code): chr(code).lower() for code in range(0x41, 0x5B)} | LOWER)


def folded(text: str) -> str:
    """Return the form in which texts that are not caseExact compare."""
    if text.isascii():
        return text.lower()
    lower = unicodedata.normalize("NFC", text).translate(_TABLE)
    # Once more: J with a caron is two letters, and a small one is one.
    return unicodedata.normalize("NFC", lower)
