"""What differs between two mappings of a directory, in words: an edit and the stored one."""

from collections.abc import Iterator

from services.roles.domain.errors import StaleMappingError
from shared.contracts.management import MappedGroupRow, Mapping

_STRATEGIES = {"union": "every row counts", "first_match": "the first matching row decides"}


def stale(yours: Mapping, stored: Mapping) -> StaleMappingError:
    """Return the refusal of an edit that was made from another version than the stored one."""
    told = [*between(yours, stored)]
    words = (
        f"The mapping was saved meanwhile: it has version {stored.version}, yours was made from "
        f"{yours.version}. Nothing was saved. "
        + ("Compare the two, and repeat your change." if told else "Both say the same.")
    )
    both = {name: one.model_dump(mode="json", by_alias=True)
            for name, one in (("yours", yours), ("stored", stored))}  # fmt: skip
    return StaleMappingError(words, {**both, "differences": told})


def between(yours: Mapping, stored: Mapping) -> Iterator[str]:
    """Yield a sentence for each difference."""
    yield from _rows("Yours", yours, stored, "the stored one")
    yield from _rows("The stored one", stored, yours, "yours")
    if yours.strategy != stored.strategy:
        mine, theirs = _STRATEGIES[yours.strategy], _STRATEGIES[stored.strategy]
        yield f"In yours {mine}; in the stored one {theirs}."
    elif yours.strategy == "first_match" and _order(yours, stored) != _order(stored, yours):
        yield f"In yours the order is {_listed(yours)}; in the stored one {_listed(stored)}."
    if yours.default_role != stored.default_role:
        yield f"In yours {_default(yours)}; in the stored one {_default(stored)}."
    if yours.enabled != stored.enabled:
        yield f"Yours is {_switched(yours)}; the stored one is {_switched(stored)}."


def _rows(name: str, one: Mapping, other: Mapping, other_name: str) -> Iterator[str]:
    known = {_key(row) for row in other.rows}
    for row in one.rows:
        if _key(row) not in known:
            yield f"{name} gives {row.group_name} the role {row.role_name}; {other_name} does not."


def _key(row: MappedGroupRow) -> tuple[str, str]:
    return row.group_id, row.role


def _order(one: Mapping, other: Mapping) -> list[str]:
    shared = {row.group_id for row in other.rows}
    return [*dict.fromkeys(row.group_id for row in one.rows if row.group_id in shared)]


def _listed(one: Mapping) -> str:
    return ", ".join(dict.fromkeys(row.group_name for row in one.rows))


def _default(one: Mapping) -> str:
    return (
        f"{one.default_role.name} is the default role"
        if one.default_role
        else "there is no default role"
    )


def _switched(one: Mapping) -> str:
    return "on" if one.enabled else "off"
