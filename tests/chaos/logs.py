"""What services may not log: an id of one directory beside one of another (C8), people, secrets."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.rig import Rig

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OWNERS = """
select id::text, id::text as directory from directories
union all select id::text, directory_id::text from users
union all select id::text, directory_id::text from groups
"""
_PEOPLE = "select document ->> 'userName' from users"
_LEAST_CHARS = 8  # anything shorter may stand in any word


@dataclass(slots=True)
class Logs:
    """The log files of a folder, each read on from where it was read to."""

    folder: Path
    read_to: dict[Path, int] = field(default_factory=dict)

    async def findings(self, rig: Rig) -> list[str]:
        """Return what is wrong with the lines that are new, a sentence each; ten at most."""
        async with rig.database("ingest") as ingest, ingest.connection() as connection:
            owners = {row[0]: row[1] for row in await connection.fetch(_OWNERS)}
            people = [row[0] for row in await connection.fetch(_PEOPLE)]
        secrets = [client.token for client in rig.clients]
        return faults(self._lines(), owners, [*people, *secrets])[:10]

    def _lines(self) -> Iterator[str]:
        for file in sorted(self.folder.glob("*.log")):
            with file.open("rb") as opened:
                opened.seek(self.read_to.get(file, 0))
                yield from (line.decode(errors="replace") for line in opened)
                self.read_to[file] = opened.tell()


def faults(lines: Iterable[str], owners: Mapping[str, str], private: Iterable[str]) -> list[str]:
    """Return a sentence for each line with ids of two directories, or with something private.

    `owners` names the directory of each id. The sentences repeat no private text.
    """
    hidden = [text for text in private if len(text) >= _LEAST_CHARS]
    found = []
    for line in lines:
        directories = {owners[key] for key in _ID.findall(line) if key in owners}
        if len(directories) > 1:
            found.append(f"C8: a log line names {len(directories)} directories: {line.strip()}")
        if any(text in line for text in hidden):
            found.append("a log line holds a user's name or a token")
    return found
