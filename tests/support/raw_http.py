"""HTTP as bytes on a socket, for requests that no client library would send."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """One response; `status` 0 means that the connection ended without one."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return orjson.loads(self.body)


async def exchange(url: str, sent: bytes, count: int = 1, within_s: float = 20) -> list[RawAnswer]:
    """Send bytes on a connection of their own; return the first `count` answers, or fewer."""
    address = urlsplit(url)
    async with asyncio.timeout(within_s):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(sent)
            return [answer for _ in range(count) if (answer := await _answer(reader))]
        finally:
            writer.close()


async def _answer(reader: asyncio.StreamReader) -> RawAnswer | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        while head.startswith("HTTP/1.1 100 "):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return RawAnswer(int(first.split()[1]), headers, body)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of a request; a header named `Content_Length` replaces the true one."""
    named = {"Host": "rollcall.test", "Content-Length": str(len(body))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("utf-8", "surrogateescape") + body
