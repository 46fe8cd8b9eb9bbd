"""README's quick start does what it says, command by command."""

import asyncio
import re
import sys
from pathlib import Path

from tests.support.system import System
from tests.support.waiting import eventually

README = Path("README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """Return the commands of the second terminal, without the activation."""
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    [second] = [block for block in blocks if "rollcall" in block]
    return [line for line in second.splitlines() if line.startswith("rollcall ")]


async def run(system: System, line: str) -> asyncio.subprocess.Process:
    environment = {**system.env, "PATH": f"{Path(sys.executable).parent}:{system.env['PATH']}"}
    return await asyncio.create_subprocess_shell(
        line, cwd=system.folder, env=environment, stdout=asyncio.subprocess.PIPE
    )


async def test_the_quick_start_ends_with_role_events(system: System) -> None:
    *steps, tail = commands()
    known: dict[str, str] = {}

    for step in steps:
        line = step
        for word, value in known.items():
            line = line.replace(word, value)
        process = await run(system, line)
        output, _ = await process.communicate()
        assert process.returncode == 0, line
        for word in ("Endpoint", "Token"):
            if found := re.search(rf"^{word} +(\S+)$", output.decode(), flags=re.MULTILINE):
                known[word.upper()] = found[1]
    process = await run(system, f"exec {tail}")
    assert process.stdout
    stream = process.stdout

    async def told() -> bool:
        return b"as Administrator (group: Admins)" in await stream.readline()

    await eventually(told, within_s=30)
    process.terminate()
    assert await process.wait() == 0


def test_every_link_in_the_readme_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)h#][^)]*)\)", README)

    assert [target for target in targets if not Path(target).exists()] == []
