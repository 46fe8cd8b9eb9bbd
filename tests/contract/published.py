"""Write what is published as documents: `make generate`."""

import json
from pathlib import Path
from typing import Any

from shared.contracts import published

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "events"


def documents() -> dict[str, dict[str, Any]]:
    """Return each document by the name of its file."""
    schemas = {f"{one.name}.json": published.schema(one) for one in published.every()}
    return {"asyncapi.json": published.asyncapi(), **schemas}


def text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write them all."""
    write(FOLDER, documents())


def write(folder: Path, wanted: dict[str, dict[str, Any]]) -> None:
    """Write documents into a folder, and remove what is published no longer."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.json"):
        file.unlink()
    for name, document in wanted.items():
        (folder / name).write_text(text(document), encoding="utf-8")


if __name__ == "__main__":
    main()
