"""The reader of logs notices what may not stand in them."""

import pytest

from tests.chaos.logs import faults

ACME = "1b4e28ba-2fa1-4d2e-883f-0016d3cca427"
GLOBEX = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
ADA = "16fd2706-8baf-433b-82eb-8c7fada847da"
OWNERS = {ACME: ACME, GLOBEX: GLOBEX, ADA: ACME}
PRIVATE = ["lovelace@globex.test", "rc_0123456789abcdef"]


@pytest.mark.parametrize(
    "line",
    [
        f'{{"directory_id": "{ACME}", "user_id": "{ADA}"}}',
        f'{{"directory_id": "{GLOBEX}", "request_id": "{GLOBEX[:-1]}0"}}',
        '{"event": "kafka.commit_skipped"}',
        "",
    ],
)
def test_a_line_about_one_directory_is_fine(line: str) -> None:
    assert faults([line], OWNERS, PRIVATE) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f'{{"directory_id": "{GLOBEX}", "user_id": "{ADA}"}}', "names 2 directories"),
        ('{"reason": "lovelace@globex.test is taken"}', "a user's name or a token"),
        ('{"header": "Bearer rc_0123456789abcdef"}', "a user's name or a token"),
    ],
)
def test_a_line_that_crosses_a_border_or_tells_on_somebody_is_named(line: str, words: str) -> None:
    [found] = faults([line], OWNERS, PRIVATE)

    assert words in found
    assert not any(text in found for text in PRIVATE)
