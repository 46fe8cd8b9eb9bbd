"""What no provider sends: each is a SCIM error below 500, soon, and nothing of it is stored."""

import asyncio
import gzip
import uuid

import orjson
import pytest

from tests.integration.ingest import scim_errors
from tests.integration.ingest.client import PATCH_OP, Answer, Client
from tests.support.raw_http import exchange, request

MEBIBYTE = 1024 * 1024
ANYONE = str(uuid.uuid4())


async def refused(
    client: Client, method: str, path: str, body: object = None, **headers: str
) -> Answer:
    """Send what must be refused; check that the refusal is in form, and that nothing was stored."""
    before = (await client.scim("GET", "/Users")).body
    answer = await client.scim(method, path, body, **headers)
    assert scim_errors.faults(answer.status, answer.body) == []
    assert (await client.scim("GET", "/Users")).body == before
    return answer


def user(extra: bytes) -> bytes:
    return b'{"userName": "eve", ' + extra + b"}"


def patch(*operations: dict[str, object]) -> bytes:
    return orjson.dumps({"schemas": [PATCH_OP], "Operations": operations})


BODIES = {
    "nested a thousand deep": (user(b'"x": ' + b"[" * 1000 + b"]" * 1000), 400, "deep"),
    "nested a hundred thousand deep": (user(b'"x": ' + b"[" * 100_000), 400, "JSON"),
    "nested thirty-three deep": (user(b'"x": ' + b"[" * 33 + b"]" * 33), 400, "deep"),
    "nested twenty-one deep": (user(b'"x": ' + b"[" * 21 + b"]" * 21), 400, "deep"),
    "half a million values": (user(b'"x": [' + b"1," * 500_000 + b"1]"), 400, "values"),
    "a hundred thousand emails": (
        user(b'"emails": [' + b'"a",' * 100_000 + b'"a"]'), 400, "values"),
    "a thousand and one emails": (
        user(b'"emails": [' + b'{"value":"a"},' * 1000 + b'{"value":"b"}]'), 400, "emails"),
    "twenty thousand attributes": (
        user(b",".join(b'"k%d":1' % n for n in range(20_000))), 400, "values"),
    "a number beyond all numbers": (user(b'"x": 1e400'), 400, "infinity"),
    "ten thousand digits": (user(b'"x": ' + b"9" * 10_000), 400, "infinity"),
    "NaN": (user(b'"x": NaN'), 400, "JSON"),
    "half a surrogate pair": (user(b'"title": "\\ud800"'), 400, "JSON"),
    "bytes that are not UTF-8": (user(b'"title": "\xff\xfe"'), 400, "JSON"),
    "a byte order mark": (b"\xef\xbb\xbf" + user(b'"x": 1'), 400, "JSON"),
    "UTF-16": ('{"userName": "eve"}'.encode("utf-16"), 400, "JSON"),
    "NUL in a value": (user(b'"title": "a\\u0000b"'), 400, "NUL"),
    "NUL in a made-up value": (user(b'"x": {"y": ["\\u0000"]}'), 400, "NUL"),
    "NUL in a name": (user(b'"x\\u0000y": 1'), 400, "NUL"),
    "a bare NUL": (user(b'"title": "\x00"'), 400, "JSON"),
    "no JSON": (b"\x1f\x8b\x08\x00", 400, "JSON"),
    "nothing": (b"", 400, "JSON"),
    "a resource too large for an event": (
        user(b'"x": "' + b"x" * 1_000_000 + b'"'), 413, "event exceeds"),
    "a body over a mebibyte": (user(b'"x": "' + b"x" * MEBIBYTE + b'"'), 413, "1048576 bytes"),
    "a body of nine mebibytes": (user(b'"x": "' + b"x" * 9 * MEBIBYTE + b'"'), 413, "1048576"),
    "a name of a mebibyte": (user(b'"externalId": "' + b"x" * 900_000 + b'"'), 400, "512"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "word"), BODIES.values(), ids=BODIES.keys())
async def test_a_body_that_is_meant_to_hurt_is_refused(
    client: Client, body: bytes, status: int, word: str
) -> None:
    answer = await refused(client, "POST", "/Users", body)

    assert answer.status == status
    assert word in answer.body["detail"]


async def test_of_a_name_that_stands_twice_the_last_one_counts(client: Client) -> None:
    answer = await client.scim("POST", "/Users", b'{"userName": "a", "userName": "b"}')

    assert (answer.status, answer.body["userName"]) == (201, "b")


ENCODINGS = {
    "64 mebibytes in 64 kibibytes": (
        {"Content-Encoding": "gzip"},
        gzip.compress(bytes(64 * MEBIBYTE)),
    ),
    "gzip": ({"Content-Encoding": "gzip"}, gzip.compress(b'{"userName": "eve"}')),
    "deflate": ({"Content-Encoding": "deflate"}, b"x"),
    "an encoding of its own": ({"Content-Encoding": "rot13"}, b'{"hfreAnzr": "rir"}'),
    "UTF-16": ({"Content-Type": "application/scim+json; charset=utf-16"}, b"{}"),
    "an unknown charset": ({"Content-Type": "application/json; charset=klingon"}, b"{}"),
    "an unreadable charset": ({"Content-Type": 'application/json; charset="\\'}, b"{}"),
    "a form": ({"Content-Type": "application/x-www-form-urlencoded"}, b"userName=eve"),
}


@pytest.mark.parametrize(("headers", "body"), ENCODINGS.values(), ids=ENCODINGS.keys())
async def test_only_plain_json_in_utf8_is_read(
    client: Client, headers: dict[str, str], body: bytes
) -> None:
    assert (await refused(client, "POST", "/Users", body, **headers)).status in {400, 415}


FILTERS = {
    "over 4 KiB": 'userName eq "%s"' % ("x" * 4096),
    "21 levels": "(" * 21 + "id pr" + ")" * 21,
    "21 times not": "not (" * 21 + "id pr" + ")" * 21,
    "more than 100 terms": " or ".join(["id pr"] * 101),
    "NUL in quotes": 'userName eq "a\0b"',
    "NUL without quotes": "externalId eq a\0b",
    "NUL escaped": 'userName eq "\\u0000"',
    "half a surrogate pair": 'userName eq "\\ud800"',
    "four thousand digits": f"userName eq {'9' * 4000}",
    "a number beyond all numbers": "userName eq 1e9999",
    "the beginning of time": 'meta.created gt "0001-01-01T00:00:00+23:59"',
    "the end of time": 'meta.created gt "9999-12-31T23:59:59-23:59"',
    "a quote that never ends": 'userName eq "' + '\\"' * 1000,
    "brackets": "[" * 4000,
    "colons": "urn:" + "a:" * 2000 + " pr",
    "SQL": 'userName eq "x"\'; drop table users; --',
}


@pytest.mark.parametrize("text", FILTERS.values(), ids=FILTERS.keys())
async def test_a_filter_that_is_meant_to_hurt_is_refused(client: Client, text: str) -> None:
    quoted = "".join(f"%{byte:02X}" for byte in text.encode())

    answer = await refused(client, "GET", f"/Users?filter={quoted}")

    assert (answer.status, answer.body["scimType"]) == (400, "invalidFilter")


PATHS = {
    "NUL": f"/Users/{ANYONE}%00",
    "NUL alone": "/Users/%00",
    "half a surrogate pair": "/Users/%ED%A0%80",
    "no UTF-8": "/Users/%FF%FE",
    "a slash inside": "/Users/..%2f..%2fetc%2fpasswd",
    "dots": "/Users/../../../etc/passwd",
    "a line feed": "/Users/a%0d%0aX-Injected:%20yes",
    "eight thousand characters": f"/Users/{'x' * 8000}",
    "an id in capitals": f"/Users/{ANYONE.upper()}",
    "a thousand slashes": "/Users" + "/" * 1000,
    "the unknown": "/Nothing%00%0a",
    "a broken escape": "/Users/%zz",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "TRACE"])
async def test_an_address_that_is_meant_to_hurt_is_refused(
    client: Client, method: str, path: str
) -> None:
    sent = request(
        method,
        f"/scim/v2/{client.directory}{path}",
        b"{}",
        Authorization=f"Bearer {client.token}",
    )

    [answer] = await exchange(client.url, sent)

    assert scim_errors.faults(answer.status, answer.json) == []
    assert answer.status in {400, 404, 405}
    assert "x-injected" not in answer.headers


def operations(count: int, **operation: object) -> bytes:
    return patch(*([{"op": "replace", "value": "x"} | operation] * count))


PATCHES = {
    "a thousand and one operations": (operations(1001, path="title"), 413),
    "many operations over many elements": (
        operations(999, path='emails[type eq "x"].display'), 413),
    "one operation with many terms": (
        operations(5, path=f"emails[{' or '.join(['display pr'] * 100)}].display"), 413),
    "many removals of many": (
        patch({"op": "remove", "path": "emails", "value": [{"value": str(n)} for n in range(900)]}),
        413),
    "a thousand attributes without a path": (
        patch({"op": "add", "value": {f"k{n}": 1 for n in range(1001)}}), 413),
    "many attributes in many operations": (
        patch(*({"op": "add", "value": {f"k{n}-{m}": 1 for n in range(90)}} for m in range(90))),
        413),
    "a path of a megabyte": (operations(1, path="x" * 1_000_000), 400),
    "a filter of a megabyte": (operations(1, path=f"emails[{'x' * 1_000_000}]"), 400),
    "a filter 21 deep": (
        operations(1, path="emails[" + "(" * 21 + "type pr" + ")" * 21 + "]"), 400),
    "NUL in a path": (operations(1, path="title\0"), 400),
    "NUL in a filter": (operations(1, path='emails[value eq "\0"].display'), 400),
    "NUL in a value": (operations(1, path="title", value="\0"), 400),
    "NUL in a name": (patch({"op": "add", "value": {"x\0": 1}}), 400),
    "no operation": (patch(), 400),
    "operations that are none": (patch({}, {"op": 7}), 400),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status"), PATCHES.values(), ids=PATCHES.keys())
async def test_a_patch_that_is_meant_to_hurt_is_refused(
    client: Client, body: bytes, status: int
) -> None:
    emails = [{"value": f"eve+{number}@globex.test", "type": "x"} for number in range(900)]
    eve = await client.user("eve", emails=emails)

    answer = await refused(client, "PATCH", f"/Users/{eve}", body)

    assert answer.status == status


async def test_a_patch_of_members_is_bounded_by_its_body_alone(client: Client) -> None:
    group = await client.group("Everybody")
    strangers = [{"value": str(uuid.uuid4())} for _ in range(100_000)]
    few = strangers[:20_000]

    too_many = await client.patch_members("add", group, *(each["value"] for each in strangers))
    many = await client.patch_members("add", group, *(each["value"] for each in few))

    assert (too_many.status, many.status) == (413, 400)
    assert len(many.body["detail"]) < 500
    assert await client.members(group) == set()


async def test_many_query_parameters_are_read_once(client: Client) -> None:
    many = "&".join(f"p{number}=x" for number in range(1500))

    assert (await client.scim("GET", f"/Users?{many}")).status == 200


GOOD = "GET {base}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
POST = GOOD.replace("GET", "POST") + "Content-Type: application/json\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"
MALFORMED = {
    "no HTTP at all": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a line too long": "GET /" + "x" * 20_000 + " HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header too long": GOOD + f"X: {'x' * 20_000}\r\n\r\n",
    "a thousand headers": GOOD + "".join(f"X-{n}: x\r\n" for n in range(1000)) + "\r\n",
    "a header without a name": GOOD + ": x\r\n\r\n",
    "NUL in a header": GOOD + "X: a\0b\r\n\r\n",
    "a folded header": GOOD + "X: a\r\n b\r\n\r\n",
    "a negative length": POST + "Content-Length: -1\r\n\r\n{{}}",
    "a length that is no number": POST + "Content-Length: many\r\n\r\n{{}}",
    "two lengths": POST + "Content-Length: 2\r\nContent-Length: 20\r\n\r\n{{}}",
    "length and chunks": POST + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks that are none": CHUNKED + "ZZ\r\n{{}}\r\n0\r\n\r\n",
    "a chunk without end": POST
    + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n{{}}\r\n",
    "encoded chunks": POST + "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n",
    "a version of the future": "GET / HTTP/3.7\r\nHost: x\r\n\r\n",
    "HTTP/2 out of the blue": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a space in the address": "GET /scim v2 HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes in the token": GOOD.replace("{token}", "\xff") + "\r\n",
    "a long token": GOOD.replace("{token}", "x" * 8000) + "\r\n",
    "a version of SCIM that is not spoken": "GET /scim/v1/x/Users HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_not_http_is_answered_all_the_same(client: Client, text: str) -> None:
    base = f"/scim/v2/{client.directory}"
    sent = text.replace("{base}", base).replace("{token}", client.token).replace("{{}}", "{}")

    [answer] = await exchange(client.url, sent.encode("latin-1"))

    assert scim_errors.faults(answer.status, answer.json) == []
    assert (await client.scim("GET", "/Users")).body["totalResults"] == 0


async def test_an_odd_traceparent_is_left_out(client: Client) -> None:
    odd = request(
        "POST",
        f"/scim/v2/{client.directory}/Users",
        b'{"userName": "ada"}',
        Authorization=f"Bearer {client.token}",
        traceparent="\udcff",
        Expect="a miracle",
    )

    [answer] = await exchange(client.url, odd)

    assert answer.status == 201


async def test_pipelined_requests_are_answered_in_order(client: Client) -> None:
    base, token = f"/scim/v2/{client.directory}/Users", f"Bearer {client.token}"
    requests = [
        request("POST", base, b'{"userName": "ada"}', Authorization=token, Expect="100-continue"),
        request("POST", base, b"{", Authorization=token),
        request("POST", base, b'{"userName": "bob"}', Authorization=token),
    ]

    answers = await exchange(client.url, b"".join(requests), count=3)

    assert [answer.status for answer in answers] == [201, 400, 201]


async def test_a_body_longer_than_it_says_stores_nothing(client: Client) -> None:
    sent = request(
        "POST",
        f"/scim/v2/{client.directory}/Users",
        b'{"userName": "ada"}{"userName": "bob"}',
        Authorization=f"Bearer {client.token}",
        Content_Length="19",
    )

    [answer] = await exchange(client.url, sent)

    assert scim_errors.faults(answer.status, answer.json) == []
    assert (await client.scim("GET", "/Users")).body["totalResults"] == 0


async def test_a_body_that_never_comes_stores_nothing(client: Client) -> None:
    sent = request(
        "POST",
        f"/scim/v2/{client.directory}/Users",
        b'{"userName": "ada"}',
        Authorization=f"Bearer {client.token}",
        Content_Length="400",
    )

    with pytest.raises(TimeoutError):
        await exchange(client.url, sent, within_s=0.5)

    assert (await client.scim("GET", "/Users")).body["totalResults"] == 0


async def test_abuse_keeps_nobody_else_waiting(client: Client) -> None:
    """The worst accepted shapes cost a small multiple of a plain request, not thousands of them."""
    eve = await client.user("eve")
    worst = operations(900, path='emails[type eq "x"].display')

    async with asyncio.TaskGroup() as tasks:
        sent = [tasks.create_task(client.scim("PATCH", f"/Users/{eve}", worst)) for _ in range(8)]
        looked = tasks.create_task(client.scim("GET", "/Users?count=1"))

    assert looked.result().status == 200
    assert all(task.result().status < 500 for task in sent)
