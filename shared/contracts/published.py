"""What Rollcall publishes, as documents for other teams: JSON Schema and AsyncAPI 3.

Made from the models that write the events, so that they say what is so. `make generate` writes
them to `docs/reference/events/`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from inspect import cleandoc
from typing import Any, TypeAlias

from pydantic.json_schema import models_json_schema

from shared.contracts import directory_events, envelope, role_events
from shared.contracts.base import Contract
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS, ROLE_STATE, Topic

Document: TypeAlias = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_INTRODUCTION = """
Who may do what in the application, as events in order. Every record is a CloudEvent 1.0 in
structured mode: one JSON document. A directory lives in one partition; its `sequence` has no hole
and starts anew with each `generation`, so a consumer can drop what it has seen and notice what it
missed. The record key is the directory's id (on `role.state.v1` the directory's and the user's).
Ignore fields and types you do not know: inside `.v1` only such are added.
"""
_TOPICS: Mapping[str, str] = {
    DIRECTORY_EVENTS.name: "What happens to the users, groups and memberships of a directory.",
    ROLE_EVENTS.name: "Who gains and loses which role, and why.",
    ROLE_STATE.name: (
        "The roles that each user holds now, one record a user; compacted. Without a value: none. "
        "What an event on role.events.v1 leads to is here before the event is there: look where "
        "the events end, read this to its end, then follow the events from there. A record's "
        "sequence says up to where the directory's events are contained in what stands up to it."
    ),
}


@dataclass(frozen=True, slots=True)
class Published:
    """An event type: the topic it travels on, and the model of its data."""

    topic: Topic
    name: str
    data: type[Contract]

    @property
    def words(self) -> str:
        """What the event says, in a sentence."""
        return cleandoc(self.data.__doc__ or "").partition("\n")[0]


def every() -> Iterator[Published]:
    """Yield every event type that this version publishes."""
    for name, kind in directory_events.EVENTS.items():
        yield Published(DIRECTORY_EVENTS, name, kind)
    for name, role_kind in role_events.EVENTS.items():
        yield Published(ROLE_EVENTS, name, role_kind)
    yield Published(ROLE_STATE, role_events.RoleState.type, role_events.RoleState)


def schema(one: Published) -> Document:
    """Return the JSON Schema (2020-12) of a whole record of that type."""
    data, definitions = _models([one], "#/$defs/{model}")
    return {
        "$schema": DIALECT,
        "$id": f"{envelope.SCHEMA_BASE}{one.name}",
        "title": one.name,
        "description": one.words,
        **_record(one, data[one.name]),
        "$defs": definitions,
    }


def asyncapi() -> Document:
    """Return the AsyncAPI 3.0 document of all topics that applications subscribe to."""
    published = list(every())
    data, definitions = _models(published, "#/components/schemas/{model}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rollcall events",
            "version": version("rollcall"),
            "description": " ".join(_INTRODUCTION.split()),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": envelope.CONTENT_TYPE,
        "channels": {
            topic.name: _channel(topic, [one for one in published if one.topic is topic])
            for topic in (DIRECTORY_EVENTS, ROLE_EVENTS, ROLE_STATE)
        },
        "operations": {
            f"publish {name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": words,
            }
            for name, words in _TOPICS.items()
        },
        "components": {
            "messages": {one.name: _message(one, data[one.name]) for one in published},
            "schemas": definitions,
        },
    }


def _models(published: list[Published], references: str) -> tuple[dict[str, Document], Document]:
    """Return the schema of each type's data, and the definitions that these refer to."""
    modes = [(one.data, "serialization") for one in published]
    found, whole = models_json_schema(modes, by_alias=True, ref_template=references)  # type: ignore[arg-type]  # a literal
    data = {one.name: found[one.data, "serialization"] for one in published}
    return data, whole.get("$defs", {})


def _record(one: Published, data: Document) -> Document:
    return {
        "type": "object",
        "required": [
            "specversion", "id", "sequence", "generation", "source", "type", "subject", "time",
            "datacontenttype", "dataschema", "organizationid", "data",
        ],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "description": "Equal for repeats of one event."},
            "sequence": {"type": "string", "pattern": "^[0-9]{20}$"},
            "generation": {"type": "integer", "minimum": 1},
            "source": {"type": "string", "pattern": "^/directories/"},
            "type": {"const": one.name},
            "subject": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "dataschema": {"const": f"{envelope.SCHEMA_BASE}{one.name}"},
            "organizationid": {"type": "string", "format": "uuid"},
            "traceparent": {"type": "string"},
            "causationid": {"type": "string", "description": "The event that this follows from."},
            "data": data,
        },
    }  # fmt: skip


def _message(one: Published, data: Document) -> Document:
    return {
        "name": one.name,
        "summary": one.words,
        "contentType": envelope.CONTENT_TYPE,
        "payload": _record(one, data),
    }


def _channel(topic: Topic, published: list[Published]) -> Document:
    settings = {
        "cleanup.policy": [topic.settings["cleanup.policy"]],
        **{key: int(value) for key, value in topic.settings.items() if key != "cleanup.policy"},
    }
    return {
        "address": topic.name,
        "description": _TOPICS[topic.name],
        "messages": {one.name: {"$ref": f"#/components/messages/{one.name}"} for one in published},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": settings,
                "bindingVersion": "0.5.0",
            }
        },
    }
