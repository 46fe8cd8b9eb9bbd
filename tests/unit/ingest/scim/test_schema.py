"""Names resolve in any case, with and without their URN."""

import pytest

from services.ingest.scim.definitions import ENTERPRISE_SCHEMA, GROUP, USER, USER_SCHEMA
from services.ingest.scim.folding import folded
from services.ingest.scim.schema import Attribute, instant, is_unassigned, path_text

ENTERPRISE = ENTERPRISE_SCHEMA.id


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("userName", "userName"),
        ("USERNAME", "userName"),
        ("name.FAMILYNAME", "name.familyName"),
        ("meta.lastModified", "meta.lastModified"),
        (f"{USER_SCHEMA.id}:userName", "userName"),
        (f"{USER_SCHEMA.id.upper()}:NAME.givenname", "name.givenName"),
        (ENTERPRISE, ENTERPRISE),
        (f"{ENTERPRISE.lower()}:Department", f"{ENTERPRISE}:department"),
        (f"{ENTERPRISE}:manager.value", f"{ENTERPRISE}:manager.value"),
        ("urn:scim:schemas:extension:enterprise:2.0", ENTERPRISE),
        (
            "urn:scim:schemas:extension:enterprise:2.0:manager.managerId",
            f"{ENTERPRISE}:manager.value",
        ),
        ("urn:scim:schemas:core:2.0:title", "title"),
    ],
)
def test_a_path_resolves_to_its_canonical_form(text: str, canonical: str) -> None:
    assert path_text(USER.resolve(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "department",
        "name.",
        "name.odd",
        "userName.value",
        "emails.value.x",
        "members",
        "urn:odd:userName",
        f"{ENTERPRISE}:",
        f"{ENTERPRISE}:userName",
        USER_SCHEMA.id,
        ":userName.",
    ],
)
def test_what_the_table_does_not_have_resolves_to_nothing(text: str) -> None:
    assert USER.resolve(text) == ()


def test_every_attribute_resolves_to_itself() -> None:
    def paths(chain: tuple[Attribute, ...]) -> list[tuple[Attribute, ...]]:
        return [
            chain,
            *(below for sub in chain[-1].sub_attributes for below in paths((*chain, sub))),
        ]

    chains = [chain for kind in (USER, GROUP) for top in kind.attributes for chain in paths((top,))]

    assert all(
        chain in (USER.resolve(path_text(chain)), GROUP.resolve(path_text(chain)))
        for chain in chains
    )


def test_an_attribute_of_a_group_is_not_one_of_a_user() -> None:
    assert GROUP.attribute("MEMBERS") is not None
    assert USER.attribute("members") is None


def test_texts_compare_in_lower_case_and_composed() -> None:
    assert folded("ADA") == folded("ada")
    assert folded("E\u0301va") == folded("\u00e9VA")


def test_moments_compare_as_instants() -> None:
    assert instant("2026-03-01T09:30:00Z") == instant("2026-03-01T10:30:00.000+01:00")
    assert instant("2026-03-01T09:30:00") == instant("2026-03-01T09:30:00Z")
    with pytest.raises(ValueError, match="time of day"):
        instant("2026-03-01")


@pytest.mark.parametrize("nothing", [None, "", "  ", [], {}])
def test_null_blank_and_empty_are_unassigned(nothing: object) -> None:
    assert is_unassigned(nothing)


@pytest.mark.parametrize("something", [False, 0, "x", [None], {"a": None}])
def test_false_and_zero_are_values(something: object) -> None:
    assert not is_unassigned(something)
