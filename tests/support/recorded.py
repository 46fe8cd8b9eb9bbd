"""Recorded provider traffic, as tests/contract/idp/README.md describes it."""

import json
from pathlib import Path
from typing import Any

IDP = Path(__file__).parents[1] / "contract" / "idp"
FILES = {
    f"{path.parent.name}/{path.stem}": json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(IDP.glob("*/*.json"))
}


def is_part(part: Any, whole: Any) -> bool:
    """Whether an expected body is a part of an answer, as tests/contract/idp/README.md says."""
    match part:
        case dict():
            return isinstance(whole, dict) and all(
                key in whole and is_part(value, whole[key]) for key, value in part.items()
            )
        case list():
            return (
                isinstance(whole, list)
                and len(part) == len(whole)
                and all(any(is_part(each, one) for one in whole) for each in part)
            )
        case _:
            return bool(part == whole)
