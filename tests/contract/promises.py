"""What each operation of `/v1` promised when it was published first: `promised/`, kept for ever.

`make generate` adds operations that are new; what is there is never changed.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.contract.compatibility import Schema, breaks
from tests.contract.published import text

FOLDER = Path(__file__).parent / "promised"
Promise = dict[str, Any]
"""`parameters` (place and name → schema, with `required`), `body`, `answers` by status."""


def of(document: dict[str, Any]) -> dict[str, Promise]:
    """Return the promise of each operation, by method and path."""
    return {
        f"{method.upper()} {path}": _promise(operation, document)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


def _promise(operation: dict[str, Any], document: dict[str, Any]) -> Promise:
    content = operation.get("requestBody", {}).get("content", {})
    promise = {
        "parameters": {
            f"{each['in']} {each['name']}": {"required": each["required"], "schema": each["schema"]}
            for each in operation["parameters"]
        },
        "answers": {
            status: _schema(answer.get("content", {}))
            for status, answer in operation["responses"].items()
            if "$ref" not in answer
        },
        "body": _schema(content),
    }
    found: Promise = json.loads(json.dumps(_inlined(promise, document)))
    return found


def _schema(content: dict[str, Any]) -> Schema | None:
    return next((media["schema"] for media in content.values()), None)


def _inlined(value: Any, root: dict[str, Any]) -> Any:
    """Return the value with each reference replaced by what it refers to; words left out."""
    match value:
        case {"$ref": str(reference)}:
            return _inlined(root["components"]["schemas"][reference.rpartition("/")[2]], root)
        case {"properties": dict(fields), **rest}:
            shown = {name: _inlined(field, root) for name, field in fields.items()}
            return {**_inlined(rest, root), "properties": shown}
        case dict() as parts:
            return {
                name: _inlined(part, root)
                for name, part in parts.items()
                if name not in {"description", "title"}
            }
        case list() as items:
            return [_inlined(item, root) for item in items]
    return value


def broken(old: Promise, new: Promise) -> Iterator[str]:
    """Yield what a caller who relies on the old promise would miss."""
    for status in sorted(old["answers"].keys() - new["answers"].keys()):
        yield f"{status} is gone"
    for status in sorted(old["answers"].keys() & new["answers"].keys()):
        was, now = old["answers"][status], new["answers"][status]
        yield from (f"{status}{fault}" for fault in breaks(was or {}, now or {}, "reader"))
    yield from (f"body{fault}" for fault in breaks(old["body"] or {}, new["body"] or {}, "writer"))
    yield from _parameters(old["parameters"], new["parameters"])


def _parameters(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name in sorted(old.keys() - new.keys()):
        yield f"{name} is gone"
    for name, now in new.items():
        was = old.get(name, {"required": False, "schema": now["schema"]})
        if now["required"] and not was["required"]:
            yield f"{name} must be there now"
        yield from (f"{name}{fault}" for fault in breaks(was["schema"], now["schema"], "writer"))


def kept() -> dict[str, dict[str, Promise]]:
    """Return what was promised first, by API."""
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(FOLDER.glob("*.json"))
    }


def add(name: str, document: dict[str, Any]) -> None:
    """Keep what operations promise that were not there before."""
    FOLDER.mkdir(exist_ok=True)
    promised = {**of(document), **kept().get(name, {})}
    (FOLDER / f"{name}.json").write_text(text(promised), encoding="utf-8")
