"""Paths of PATCH operations in all their forms."""

import pytest

from services.ingest.scim import path
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import InvalidFilter, InvalidPath
from services.ingest.scim.filter import Comparison
from tests.unit.ingest.scim.documents import ENTERPRISE


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("userName", "userName"),
        (" NAME.givenname ", "name.givenName"),
        ("emails.VALUE", "emails.value"),
        ('emails[type eq "work"]', "emails[…]"),
        ('Emails[TYPE eq "work"].Value', "emails[…].value"),
        ('emails[value eq "a]b[c"].type', "emails[…].type"),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:emails[primary eq true].value",
            "emails[…].value",
        ),
        (ENTERPRISE, ENTERPRISE),
        (f"{ENTERPRISE}:department", f"{ENTERPRISE}:department"),
        (f"{ENTERPRISE}:manager.value", f"{ENTERPRISE}:manager.value"),
        ("urn:scim:schemas:extension:enterprise:2.0:manager", f"{ENTERPRISE}:manager"),
    ],
)
def test_each_form_leads_to_its_attribute(text: str, canonical: str) -> None:
    assert str(path.parse(text, USER)) == canonical


def test_a_path_comes_apart_into_attribute_filter_and_sub_attribute() -> None:
    parsed = path.parse('emails[type eq "work"].value', USER)

    assert parsed.extension is None
    assert parsed.attribute.name == "emails"
    assert parsed.filter == Comparison("type", "eq", "work")
    assert parsed.sub is not None
    assert parsed.sub.name == "value"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "nothing",
        "name.nothing",
        "department",
        "members",
        'name[givenName eq "a"]',
        'emails[type eq "work"',
        'emails.value[type eq "work"]',
        'emails[type eq "work"]value',
        'emails[type eq "work"].nothing',
        'emails[type eq "work"].value.x',
        f"{ENTERPRISE}:nothing",
        "urn:nothing:name",
    ],
)
def test_a_path_that_leads_nowhere_is_refused(text: str) -> None:
    with pytest.raises(InvalidPath):
        path.parse(text, USER)


@pytest.mark.parametrize("inside", ["", "type", 'nothing eq "a"', "type eq", 'name.x eq "a"'])
def test_a_filter_that_is_none_is_refused_as_such(inside: str) -> None:
    with pytest.raises(InvalidFilter):
        path.parse(f"emails[{inside}].value", USER)


def test_a_refused_path_does_not_repeat_what_was_searched_for() -> None:
    with pytest.raises(InvalidPath) as caught:
        path.parse('nothing[value eq "ada@example.com"', USER)

    assert "ada" not in caught.value.detail


def test_members_are_reached_by_their_id() -> None:
    parsed = path.parse('urn:ietf:params:scim:schemas:core:2.0:Group:members[value eq "u1"]', GROUP)

    assert parsed.filter == Comparison("value", "eq", "u1")
