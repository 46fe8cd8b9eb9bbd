"""JSON where there is no memory for it."""

import subprocess
import sys

import orjson
import pytest

from shared import db
from shared.contracts import decoding

# Room for the text once more, as the error of orjson holds it, and not for what parsing takes.
SHORT_OF_MEMORY = """
import resource
from pathlib import Path
from shared.contracts import decoding, envelope

body = b'{"userName": "' + b"x" * 8_000_000 + b'"}'
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 20_000_000, resource.RLIM_INFINITY))
try:
    READER(body)
except MemoryError:
    print("no memory")
"""


@pytest.mark.parametrize("reader", ["decoding.json", "envelope.parse"])
def test_a_lack_of_memory_is_no_fault_of_the_text(reader: str) -> None:
    code = SHORT_OF_MEMORY.replace("READER", reader)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "no memory\n"


def test_a_lack_of_memory_passes() -> None:
    assert db.is_transient(MemoryError())


def test_a_fault_of_the_text_stays_one() -> None:
    with pytest.raises(orjson.JSONDecodeError):
        decoding.json(b"{")
    assert decoding.json(b'{"a": [1]}') == {"a": [1]}
