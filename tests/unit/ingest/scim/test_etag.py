"""Entity tags as text and as values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.scim import etag
from services.ingest.scim.errors import InvalidValue


@given(st.lists(st.integers(min_value=0), min_size=1), st.sampled_from([",", ", ", " ,, "]))
def test_a_list_of_tags_includes_just_its_versions(versions: list[int], comma: str) -> None:
    tags = etag.parse("If-Match", comma.join(map(etag.of, versions)))

    assert all(tags.include(version) for version in versions)
    assert not tags.include(max(versions) + 1)


@given(st.integers())
def test_a_star_includes_every_version(version: int) -> None:
    assert etag.parse("If-Match", " * ").include(version)


@pytest.mark.parametrize("text", ["", ",", "3", '"3', 'W/"3" "4"', '"a b"', '*, "3"', 'X/"3"'])
def test_what_is_no_list_of_tags_is_refused_by_the_name_of_the_header(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        etag.parse("If-Match", text)

    assert refused.value.attribute == "If-Match"


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        tags = etag.parse("If-Match", text)
    except InvalidValue:
        return
    assert isinstance(tags.include(1), bool)
