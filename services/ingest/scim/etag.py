"""Entity tags (RFC 7644 §3.14, RFC 9110 §8.8.3): one a version.

They are weak: a user's `groups` and the names of members follow from other resources, and do not
move the version of the one that shows them. A client gets `W/"3"` and may send it back as `W/"3"`
or `"3"`: the two compare as weak tags.
"""

import re
from dataclasses import dataclass

from services.ingest.scim.errors import InvalidValue

_ELEMENT = re.compile(r'\s*(?:(?:[Ww]/)?"(?P<tag>[\x21\x23-\x7e\x80-\xff]*)"\s*)?(?:,|\Z)')


@dataclass(frozen=True, slots=True)
class Tags:
    """What a condition lists; None stands for `*`, every version."""

    listed: frozenset[str] | None

    def include(self, version: int) -> bool:
        """Whether a version is among them."""
        return self.listed is None or str(version) in self.listed


def of(version: int) -> str:
    """Return the tag of a version, as in `meta.version` and the ETag header."""
    return f'W/"{version}"'


def parse(name: str, text: str) -> Tags:
    """Return the tags in the value of a condition. Raises InvalidValue, which names the header."""
    if text.strip() == "*":
        return Tags(None)
    found: set[str] = set()
    position = 0
    while position < len(text):
        element = _ELEMENT.match(text, position)
        if element is None:
            break
        found |= {tag for tag in [element["tag"]] if tag is not None}
        position = element.end()
    if position < len(text) or not found:
        raise InvalidValue(name, 'it must be * or a list of entity tags, as in W/"3"')
    return Tags(frozenset(found))
