"""Recorded provider traffic through the engine alone: every body is read, and means what it says.

Ingest plays the same files over HTTP.
"""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.ingest.http.errors import STATUSES
from services.ingest.scim import filter as filters
from services.ingest.scim import normalize, patch, projection
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import ScimError
from services.ingest.scim.schema import Document
from tests.support.recorded import FILES, IDP, is_part

KEYS = {"title", "request", "answer", "learn"}
PROVIDERS = sorted({name.partition("/")[0] for name in FILES})
AGENTS = {"onelogin": None, "okta": "Okta SCIM Client 1.0.0"}
# What only the stored state, or the edge, can know.
STORED = {"id", "meta", "groups", "members"}
REFUSED_BY_THE_STATE = ("uniqueness", "stranger-joins", "stranger-among-members")
REFUSED_AT_THE_EDGE = ("no-json", "no-body", "count-in-words")
SOMEBODY = {"userName": "somebody", "active": True}
WITH_ADDRESSES = SOMEBODY | {
    "emails": [{"type": each, "value": f"{each}@example.com"} for each in ("work", "home", "other")]
}


def _files(*methods: str, under: str) -> list[Any]:
    return [
        pytest.param(file["request"], file["answer"], id=name)
        for name, file in FILES.items()
        if file["request"]["method"] in methods
        and file["request"]["path"].startswith(under)
        and file["answer"]["status"] < 400
    ]


def _refused() -> list[Any]:
    others = (*REFUSED_BY_THE_STATE, *REFUSED_AT_THE_EDGE)
    return [
        pytest.param(file["request"], scim_type, id=name)
        for name, file in FILES.items()
        if (scim_type := (file["answer"].get("body") or {}).get("scimType"))
        and not any(each in (scim_type, name.partition("-")[2]) for each in others)
    ]


def _is_a_change_of_onelogins(name: str) -> bool:
    request, status = FILES[name]["request"], FILES[name]["answer"]["status"]
    is_patch = request["method"] == "PATCH" and request["path"].startswith("/Groups/")
    return name.startswith("onelogin/") and is_patch and status < 400


def _known(body: Document) -> Document:
    return {key: value for key, value in body.items() if key not in STORED}


def _read(request: Any, user: Document) -> None:
    """Do what ingest does with a request, as far as it needs no stored state."""
    url = urlsplit(request["path"])
    resource_type = USER if url.path.startswith(USER.endpoint) else GROUP
    if request["method"] == "GET":
        filters.resolve(filters.parse(parse_qs(url.query)["filter"][0]), resource_type)
    elif request["method"] != "PATCH":
        normalize.resource(resource_type, request["body"])
    elif resource_type is USER:
        patch.apply(USER, user, normalize.operations(request["body"]))
    else:
        patch.apply_to_group(GROUP, {"displayName": "x"}, normalize.operations(request["body"]))


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_written_as_the_convention_says(name: str) -> None:
    file = FILES[name]

    assert file.keys() <= KEYS
    assert file["request"].keys() <= {"method", "path", "headers", "body", "text"}
    assert file["answer"].keys() <= {"status", "headers", "body", "missing"}


@pytest.mark.parametrize("name", FILES)
def test_each_file_has_the_marks_of_its_provider(name: str) -> None:
    provider, request = name.partition("/")[0], FILES[name]["request"]

    assert request["headers"].get("User-Agent") == AGENTS.get(provider)
    if provider == "onelogin":
        assert request["path"].endswith(("?", "&"))
        assert "Accept" not in request["headers"]


def test_the_readme_names_every_file_and_no_other() -> None:
    text = (IDP / "README.md").read_text(encoding="utf-8")
    named = {
        f"{folder}/{number:02}"
        for folder, numbers in re.findall(r"([a-z-]+)/(\d\d(?:(?:, | to )\d\d)*)", text)
        for span in numbers.split(", ")
        for number in range(int(span[:2]), int(span[-2:]) + 1)
    }

    assert named == {
        f"{folder}/{file[:2]}" for folder, _, file in (n.partition("/") for n in FILES)
    }


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_word_is_learned_before_it_is_used(provider: str) -> None:
    known = {"token"}
    for name, file in FILES.items():
        if name.startswith(f"{provider}/"):
            used = set(re.findall(r"\$\{(\w+)\}", json.dumps(file)))

            assert used <= known, name
            known |= file.get("learn", {}).keys()


@pytest.mark.parametrize(("request_", "answer"), _files("POST", "PUT", under="/Users"))
def test_a_user_that_is_written_is_answered_as_recorded(request_, answer) -> None:
    document = normalize.resource(USER, request_["body"])

    sent = projection.project(USER, projection.for_onelogin(USER, document), None, None)

    assert is_part(_known(answer["body"]), sent)
    assert not set(answer.get("missing", [])) & sent.keys()


@pytest.mark.parametrize(("request_", "answer"), _files("POST", "PUT", under="/Groups"))
def test_a_group_that_is_written_is_answered_as_recorded(request_, answer) -> None:
    document, members = normalize.group(GROUP, request_["body"])

    assert is_part(_known(answer["body"]), projection.project(GROUP, document, None, None))
    assert set(members) == {each["value"] for each in answer["body"].get("members", [])}


@pytest.mark.parametrize(
    ("request_", "answer"),
    _files("PATCH", under="/Users/") + _files("PATCH", under="/Groups/")
    + _files("GET", under="/Users?filter=") + _files("GET", under="/Groups?filter="),
)  # fmt: skip
def test_what_is_answered_with_success_is_understood(request_, answer) -> None:
    assert answer["status"] in (200, 204)
    _read(request_, WITH_ADDRESSES)


@pytest.mark.parametrize("name", [name for name in FILES if _is_a_change_of_onelogins(name)])
def test_onelogins_change_of_members_names_just_the_one_user(name: str) -> None:
    operations = normalize.operations(FILES[name]["request"]["body"])

    edits = patch.apply_to_group(GROUP, {"displayName": "x"}, operations).members

    assert edits.cleared is False
    assert len(edits.added) + len(edits.removed) == 1


@pytest.mark.parametrize(("request_", "scim_type"), _refused())
def test_what_is_wrong_in_itself_is_refused_by_the_engine(request_, scim_type: str) -> None:
    with pytest.raises(ScimError) as caught:
        _read(request_, SOMEBODY)

    assert STATUSES[type(caught.value)] == (400, scim_type)
