"""Filters: text to tree and back, checked against the table, evaluated on documents."""

import pytest
from hypothesis import example, given, strategies
from scim2_models import EnterpriseUser, ScimFilter, User

from services.ingest.scim import filter as filters
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import InvalidFilter
from services.ingest.scim.filter import And, Comparison, Not, Or, Present, ValuePath
from tests.unit.ingest.scim.documents import ENTERPRISE, trees, user_filters

ADA = {
    "userName": "Ada@Example.com",
    "externalId": "00aB",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "active": True,
    "emails": [
        {"value": "ada@example.com", "type": "work", "primary": True},
        {"value": "ada@home.example.org", "type": "home"},
    ],
    "meta": {"created": "2026-03-01T09:30:00Z"},
    ENTERPRISE: {"department": "Engines", "manager": {"value": "M-1"}},
}


def matches(text: str, document: dict = ADA) -> bool:
    return filters.matches(filters.parse(text), document, USER)


@given(trees)
def test_parsing_what_was_rendered_gives_the_same_tree(tree: filters.Filter) -> None:
    again = filters.parse(filters.render(tree))

    assert repr(again) == repr(tree)


@given(strategies.from_regex(r"""(\w|[$:.-]){1,12} (eq|EQ) "[^"]{0,9}"$""", fullmatch=True))
@example('not eq "x"')
@example('a.b.c.d eq "x"')
@example('a eq "\x1f"')
@example('a eq "\\u00e9"')
def test_a_lookup_is_what_the_grammar_says(text: str) -> None:
    # In parentheses it is no longer a bare lookup, and goes the long way.
    assert tree_or_refusal(text) == tree_or_refusal(f"({text})")


def tree_or_refusal(text: str) -> filters.Filter | None:
    try:
        return filters.parse(text)
    except InvalidFilter:
        return None


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('userName eq "ada"', Comparison("userName", "eq", "ada")),
        ('USERNAME EQ "ada"', Comparison("USERNAME", "eq", "ada")),
        ("  title   pr ", Present("title")),
        ("title Pr", Present("title")),
        ("active eq true", Comparison("active", "eq", True)),
        ("title ne null", Comparison("title", "ne", None)),
        ("x ge -1.5e3", Comparison("x", "ge", -1500.0)),
        ("x lt 12", Comparison("x", "lt", 12)),
        (r'a eq "\"q\\\u00e9"', Comparison("a", "eq", '"q\\é')),
        ('a eq ") or (b eq"', Comparison("a", "eq", ") or (b eq")),
        ("not(a pr)", Not(Present("a"))),
        ("a pr or b pr and c pr", Or((Present("a"), And((Present("b"), Present("c")))))),
        ("(a pr OR b pr) AND c pr", And((Or((Present("a"), Present("b"))), Present("c")))),
        ("a pr and not (b pr)", And((Present("a"), Not(Present("b"))))),
        ('emails[type eq "work"]', ValuePath("emails", Comparison("type", "eq", "work"))),
        (f"{ENTERPRISE}:department pr", Present(f"{ENTERPRISE}:department")),
    ],
)
def test_the_grammar_of_the_rfc(text: str, tree: filters.Filter) -> None:
    assert filters.parse(text) == tree


def test_entras_value_without_quotes_is_text() -> None:
    assert filters.parse("externalId eq jdoe") == Comparison("externalId", "eq", "jdoe")


def test_entras_test_behind_the_brackets_belongs_inside_them() -> None:
    outside = filters.parse('emails[type eq "work"].value eq "ada@example.com"')
    inside = filters.parse('emails[type eq "work" and value eq "ada@example.com"]')

    assert outside == inside


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "userName",
        "userName eq",
        "userName is 3",
        'userName eq "ada',
        'userName eq "ada" garbage',
        'userName eq "ada" and',
        "and",
        "(userName pr",
        "userName pr)",
        "not userName pr",
        "emails[type pr",
        "emails[]",
        "emails[type pr].value",
        '"userName" eq "ada"',
        'user/name eq "ada"',
        'userName eq "\\ud800"',
        'userName eq "\\u0000"',
        'userName eq "a\nb"',
        'userName eq "\\x"',
        "x eq 1e999",
        "a.b.c.d pr",
        "()",
        "]",
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter):
        filters.parse(text)


def test_the_error_says_where() -> None:
    with pytest.raises(InvalidFilter, match="at character 10"):
        filters.parse('userName is "ada"')


def test_a_filter_may_be_long_and_deep_to_a_bound() -> None:
    longest = 'a eq "' + "x" * (filters.MAX_BYTES - 7) + '"'
    deepest = "(" * filters.MAX_DEPTH + "a pr" + ")" * filters.MAX_DEPTH

    assert filters.parse(longest)
    assert filters.parse(deepest)
    for beyond in (f"{longest} ", f"({deepest})", "not (" * 500 + "a pr" + ")" * 500):
        with pytest.raises(InvalidFilter):
            filters.parse(beyond)


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "ADA@example.com"',
        'userName eq "ada@example.com" and active eq true',
        "active eq True",
        'active eq "true"',
        'name.familyName sw "by"',
        'name.familyName ew "RON"',
        'userName co "@exam"',
        'name.familyName gt "Babbage"',
        'externalId eq "00aB"',
        "name pr",
        "emails pr",
        'emails.type eq "home"',
        'emails co "home.example"',
        'emails[type eq "work" and value sw "ada@"]',
        'emails[type eq "work"].value eq "ADA@example.com"',
        "emails[primary eq true]",
        "title eq null",
        "userName ne null",
        'title ne "Countess"',
        "not (title pr)",
        f'{ENTERPRISE}:department eq "engines"',
        f"{ENTERPRISE} pr",
        f'{ENTERPRISE}:manager eq "M-1"',
        'urn:scim:schemas:extension:enterprise:2.0:manager.managerId eq "M-1"',
        'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ada"',
        'meta.created eq "2026-03-01T10:30:00+01:00"',
        'meta.created lt "2026-03-01T09:30:00.001Z"',
    ],
)
def test_ada_matches(text: str) -> None:
    assert matches(text)


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "bob"',
        'externalId eq "00AB"',
        f'{ENTERPRISE}:manager.value eq "m-1"',
        'emails[type eq "home" and primary eq true]',
        'emails[type eq "work" and value co "home"]',
        'emails.type ne "work"',
        "title pr",
        'title gt "a"',
        "not (userName pr)",
        'meta.created gt "2026-03-01T10:30:00+01:00"',
        'userName co "a%e"',
        'userName sw "a_a"',
    ],
)
def test_ada_does_not_match(text: str) -> None:
    assert not matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "department pr",
        "nothing pr",
        "name.nothing pr",
        "emails[nothing pr]",
        "emails[emails[type pr]]",
        "userName[value pr]",
        "members pr",
        "password pr",
        'password eq "x"',
        "active gt true",
        'active co "r"',
        'active eq "maybe"',
        "active eq 1",
        'name eq "Ada"',
        'meta.created eq "yesterday"',
        'meta.created co "2026"',
        "title gt null",
    ],
)
def test_what_the_table_does_not_allow_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter):
        matches(text)


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("ACTIVE eq TRUE", "active eq true"),
        ("externalid eq 1187", 'externalId eq "1187"'),
        ('emails eq "a"', 'emails.value eq "a"'),
        ("EMAILS[TYPE pr]", "emails[type pr]"),
        ("urn:scim:schemas:extension:enterprise:2.0:Department pr", f"{ENTERPRISE}:department pr"),
    ],
)
def test_resolving_makes_names_and_values_canonical(text: str, resolved: str) -> None:
    assert filters.render(filters.resolve(filters.parse(text), USER)) == resolved


def test_members_of_a_group_are_found_by_their_id() -> None:
    group = {"displayName": "Admins", "members": [{"value": "u1"}, {"value": "u2"}]}
    tree = filters.parse('members eq "u2" and not (members.value eq "U2")')

    assert filters.matches(tree, group, GROUP)


@given(user_filters)
def test_a_filter_means_what_the_oracle_says(tree: filters.Filter) -> None:
    document = {key: value for key, value in ADA.items() if key not in {ENTERPRISE, "meta"}}
    oracle = ScimFilter[User[EnterpriseUser]](filters.render(tree))
    user = User[EnterpriseUser].model_validate(document)

    assert filters.matches(tree, document, USER) == oracle.match(user)
