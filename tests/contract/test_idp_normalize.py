"""Recorded provider traffic through the engine alone: every body is read, and means what it says.

Ingest plays the same files over HTTP.
"""

import json
from functools import partial
from typing import Any

import pytest

from services.ingest.scim import filter as filters
from services.ingest.scim import normalize, patch, projection
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import InvalidSyntax, InvalidValue
from services.ingest.scim.schema import Document
from tests.support.recorded import FILES, is_part

KEYS = {"title", "request", "answer", "learn"}
# What only the stored state, or the edge, can know.
STORED = {"id", "meta", "groups", "members"}
REFUSED_BY_THE_ENGINE = [
    ("blank-user-name", partial(normalize.resource, USER), InvalidValue),
    ("wrong-connector", normalize.operations, InvalidSyntax),
]


def _files(*methods: str, under: str) -> list[Any]:
    return [
        pytest.param(file["request"], file["answer"], id=name)
        for name, file in FILES.items()
        if file["request"]["method"] in methods
        and file["request"]["path"].startswith(under)
        and file["answer"]["status"] < 400
    ]


def _known(body: Document) -> Document:
    return {key: value for key, value in body.items() if key not in STORED}


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_written_as_the_convention_says(name: str) -> None:
    file = FILES[name]

    assert file.keys() <= KEYS
    assert file["request"].keys() <= {"method", "path", "headers", "body"}
    assert file["answer"].keys() <= {"status", "body", "missing"}
    assert file["request"]["path"].endswith(("?", "&"))
    assert not {"User-Agent", "Accept"} & file["request"]["headers"].keys()


def test_each_word_is_learned_before_it_is_used() -> None:
    known = {"token"}
    for file in FILES.values():
        request = json.dumps(file["request"])
        used = {part.partition("}")[0] for part in request.split("${")[1:]}

        assert used <= known
        known |= file.get("learn", {}).keys()


@pytest.mark.parametrize(("request_", "answer"), _files("POST", "PUT", under="/Users"))
def test_a_user_that_is_written_is_answered_as_recorded(request_, answer) -> None:
    document = normalize.resource(USER, request_["body"])

    sent = projection.project(USER, document, None, None)

    assert is_part(_known(answer["body"]), sent)
    assert not set(answer.get("missing", [])) & sent.keys()


@pytest.mark.parametrize(("request_", "answer"), _files("POST", "PUT", under="/Groups"))
def test_a_group_that_is_written_is_answered_as_recorded(request_, answer) -> None:
    document, members = normalize.group(request_["body"])

    assert is_part(_known(answer["body"]), projection.project(GROUP, document, None, None))
    assert members == ()


@pytest.mark.parametrize(("request_", "answer"), _files("PATCH", under="/Groups"))
def test_a_change_of_members_names_just_the_one_user(request_, answer) -> None:
    operations = normalize.operations(request_["body"])

    edits = patch.apply_to_group({"displayName": "x"}, operations).members

    assert edits.cleared is False
    assert len(edits.added) + len(edits.removed) == 1


@pytest.mark.parametrize(("request_", "answer"), _files("GET", under="/Users?filter="))
def test_a_lookup_is_understood(request_, answer) -> None:
    query = request_["path"].partition("filter=")[2].rstrip("&")
    text = query.replace("+", " ").replace("%22", '"').replace("%40", "@")

    tree = filters.resolve(filters.parse(text), USER)

    assert isinstance(tree, filters.Comparison)
    assert (tree.path, tree.operator) == ("userName", "eq")


@pytest.mark.parametrize(("name", "read", "error"), REFUSED_BY_THE_ENGINE)
def test_what_is_wrong_in_itself_is_refused_by_the_engine(name: str, read, error) -> None:
    [body] = [each["request"]["body"] for key, each in FILES.items() if key.endswith(name)]

    with pytest.raises(error):
        read(body)
