"""What may not change inside `.v1`, between a JSON Schema as it was first and as it is now.

Two parties may be of different versions: who *reads* with the old schema what is written with the
new one, and who *wrote* with the old one what is read with the new one. Events have both, since the
log keeps what was written years ago; an answer of an API has readers alone, a request writers.
"""

from collections.abc import Iterator
from typing import Any, Literal

Schema = dict[str, Any]
Side = Literal["reader", "writer"]
# What a bound must be so that all that was inside still is: no lower, or no higher.
_BOUNDS = {
    "maximum": 1, "exclusiveMaximum": 1, "maxLength": 1, "maxItems": 1,
    "minimum": -1, "exclusiveMinimum": -1, "minLength": -1, "minItems": -1,
}  # fmt: skip


def breaks(old: Schema, new: Schema, *sides: Side) -> Iterator[str]:
    """Yield what breaks the readers and the writers of the old schema; both if none is named."""
    yield from _Change(old, new, sides or ("reader", "writer")).breaks(old, new, "")


class _Change:
    def __init__(self, old_root: Schema, new_root: Schema, sides: tuple[Side, ...]) -> None:
        self.old_root, self.new_root = old_root, new_root
        self.reads, self.wrote = "reader" in sides, "writer" in sides

    def breaks(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        old, new = _resolved(old, self.old_root), _resolved(new, self.new_root)
        if old.get("type") != new.get("type") or old.get("const") != new.get("const"):
            yield f"{path} has another type"
            return
        yield from self._values(old, new, path)
        yield from self._fields(old, new, path)
        if "items" in old:
            yield from self.breaks(old["items"], new.get("items", {}), f"{path}/*")

    def _values(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        had, has = _variants(old), _variants(new)
        if self.reads and not has <= had:
            yield f"{path} may be {', '.join(sorted(has - had))} now"
        if self.wrote and not had <= has:
            yield f"{path} may no longer be {', '.join(sorted(had - has))}"
        if self.wrote and "enum" in new and "enum" not in old:
            yield f"{path} is one of a few now"
        gone = [each for each in old.get("enum", ()) if each not in new.get("enum", [each])]
        if self.wrote and gone:
            yield f"{path} may no longer be {', '.join(map(str, gone))}"
        if self.wrote and _is_narrower(old, new):
            yield f"{path} is narrower than it was"

    def _fields(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        was, now = old.get("properties", {}), new.get("properties", {})
        needed, needs = {*old.get("required", ())}, {*new.get("required", ())}
        for name, field in was.items():
            inside = f"{path}/{name}"
            if name not in now:
                yield f"{inside} is gone"
            elif self.reads and name in needed - needs:
                yield f"{inside} may be missing now"
            else:
                yield from self.breaks(field, now[name], inside)
        for name in sorted(needs - needed if self.wrote else ()):
            yield f"{path}/{name} must be there now"


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        place: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        schema = place
    return schema


def _variants(schema: Schema) -> set[str]:
    return {str(each.get("type") or each.get("$ref")) for each in schema.get("anyOf", ())}


def _is_narrower(old: Schema, new: Schema) -> bool:
    for name, sign in _BOUNDS.items():
        if name in new and (name not in old or sign * new[name] < sign * old[name]):
            return True
    return any(name in new and new[name] != old.get(name) for name in ("pattern", "format"))
