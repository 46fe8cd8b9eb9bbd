"""What stands in the filters above a list, as a browser sends it."""

from collections.abc import Mapping
from datetime import UTC, datetime

_TEXT_CHARS = 200


def chosen(query: Mapping[str, str], name: str, known: Mapping[str, str]) -> str:
    """Return what was chosen of what there is; a choice that does not exist is none."""
    value = query.get(name, "")
    return value if value in known else ""


def text(query: Mapping[str, str], name: str) -> str:
    """Return what was typed into a field."""
    return query.get(name, "").replace("\x00", "").strip()[:_TEXT_CHARS]


def moment(typed: str) -> datetime | None:
    """Return what a browser's date and time field means, in UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(typed)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


def problems(since: str, until: str) -> dict[str, str]:
    """Return what is wrong with a period, by field."""
    found = {
        name: "Give it as a day and a time, such as 2025-11-25 14:30."
        for name, typed in (("since", since), ("until", until))
        if typed and moment(typed) is None
    }
    start, end = moment(since), moment(until)
    if start and end and start >= end:
        found["until"] = "It must be later than From."
    return found
