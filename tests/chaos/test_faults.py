"""A selection of the fault matrix for CI, and what must be true of the whole table.

`make chaos` runs all of it.
"""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import pytest

from tests.chaos import record
from tests.chaos.__main__ import WrongArgumentError, turns, wanted
from tests.chaos.harness import HELD, Harness
from tests.chaos.journal import Line, Notebook
from tests.chaos.matrix import MATRIX, chosen
from tests.chaos.proxy import Proxy

pytestmark = pytest.mark.faults
SEED = 40
# What differs most in how it could go wrong, for the least time.
SELECTION = "1,2,3,15,16,20,24,29,33"


@pytest.mark.timeout(420)
async def test_a_selection_of_faults_leaves_nothing_lost(tmp_path: Path) -> None:
    rows = chosen(SELECTION.split(","))
    random.Random(SEED).shuffle(rows)  # noqa: S311  # a seed, no secret

    async with Harness(SEED, tmp_path, is_full=False) as harness:
        outcomes = [await harness.take(row) for row in rows]

    assert {one.fault: one.findings for one in outcomes if one.findings} == {}
    assert {one.verdict for one in outcomes} == {HELD}
    assert all(one.calls > 20 and one.events > 20 for one in outcomes)


def test_the_matrix_has_forty_rows_each_with_an_injection_that_is_told() -> None:
    assert [row.number for row in MATRIX] == list(range(1, 41))
    for row in MATRIX:
        assert len(row.injection) > 20, row
        assert row.holds, row


def test_the_page_shows_the_recorded_run_of_every_row() -> None:
    found, page = record.load(), record.PAGE.read_text("utf-8")

    assert [row["number"] for row in found["rows"]] == [row.number for row in MATRIX]
    assert f"{record.BEGIN}\n{record.tables(found)}{record.END}" in page


def test_the_seed_decides_the_order_and_another_round_is_another_order() -> None:
    asked = wanted({"SEED": "7"})

    first, again = list(turns(asked)), list(turns(asked))
    other = list(turns(wanted({"SEED": "8"})))

    assert first == again
    assert sorted(row.number for _, row in first) == list(range(1, 41))
    assert first != other


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"FAULTS": "1,99"}, "SIGKILL under load"),
        ({"FAULTS": "typo"}, "40  memory pressure"),
        ({"SEED": "seven"}, "SEED=seven is no number"),
        ({"SEED": "-1"}, "negative"),
        ({"MINUTES": "soon"}, "MINUTES=soon is no number"),
        ({"RECORD": "1", "FAULTS": "1"}, "whole matrix"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_there_is(given: dict[str, str], words: str) -> None:
    with pytest.raises(WrongArgumentError, match=words):
        wanted(given)


def test_rows_are_chosen_by_number_and_by_word() -> None:
    assert [row.number for row in wanted({"FAULTS": "5, 1"}).rows] == [5, 1]
    assert {16, 17, 19} <= {row.number for row in wanted({"FAULTS": "kafka"}).rows}


@pytest.mark.parametrize(
    ("status", "said", "outcome"),
    [
        (201, "once", "ok"),
        (204, "again", "unknown"),
        (409, "once", "failed"),
        (503, "once", "unknown"),
        (0, "once", "unknown"),
    ],
)
def test_a_journal_says_no_more_than_the_client_knows(status: int, said: str, outcome: str) -> None:
    request = "r" if status else None
    line = Line("d", "update user", 0, 0.1, status, request, ("users/1",), repeats=said == "again")
    book = Notebook([line])

    journal = book.journal()

    assert line.outcome == outcome
    found = journal.calls.get("r") or journal.unknown[0]
    assert found.outcome == outcome
    assert found.changes == ([] if outcome == "failed" else ["users/1"])


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(100):
            writer.write(data)
    writer.close()


async def test_a_frozen_connection_is_alive_and_silent_while_new_ones_work() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, Proxy("echo", server.sockets[0].getsockname()[1]).running() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"one")
        first = await reader.read(100)
        proxy.freeze()
        writer.write(b"two")
        other_reader, other = await asyncio.open_connection("127.0.0.1", proxy.port)
        other.write(b"three")
        second = await other_reader.read(100)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read(100)
        proxy.thaw()
        with pytest.raises(ConnectionResetError):
            await reader.read(100)
        for one in (writer, other):
            one.close()

    assert (first, second) == (b"one", b"three")
