"""Requests that nobody wrote: from the grammar, from what providers send, and from plain noise.

Each is the bytes of one whole HTTP request, with `@DIRECTORY@`, `@TOKEN@`, `@USER@` and `@GROUP@`
for what differs from run to run, so that a failing one can be sent again.
"""

import json
from collections.abc import Mapping
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

NAMES = st.sampled_from([
    "userName", "displayName", "name", "name.familyName", "NAME.GIVENNAME", "active", "title",
    "emails", "emails.value", "emails.type", "emails.primary", "externalId", "id", "schemas",
    "meta", "meta.created", "meta.lastModified", "meta.version", "groups", "groups.value",
    "members", "members.value", "members.display", "password", "x509Certificates", "photos",
    f"{CORE}:userName", f"{ENTERPRISE}:department", f"{ENTERPRISE}:manager.value", ENTERPRISE,
    "nothing", "name.nothing", "urn:nobody:knows", "", "$ref", "value", "type",
])  # fmt: skip
ODD_TEXTS = st.sampled_from([
    "ada", "work", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "@USER@", "%", "_", "\\",
    "\0", "a\0b", "İ", "ß", "\u202e", "'; --", "${x}", "{{x}}", "true", "null", '"',
])  # fmt: skip
TEXTS = st.text(max_size=12) | ODD_TEXTS
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | TEXTS, inner, max_size=4),
    max_leaves=15,
)
OPERATORS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ", "xx"])
LITERALS = SCALARS.map(json.dumps) | st.sampled_from(
    ["1e400", "-0", "9" * 400, "bare", '"\\ud800"', '"\\u0000"', "True", '"open']
)


def _filters() -> SearchStrategy[str]:
    terms = st.builds(lambda n, o, v: f"{n} {o} {v}", NAMES, OPERATORS, LITERALS) | NAMES.map(
        lambda name: f"{name} pr"
    )
    return st.recursive(
        terms,
        lambda inner: st.one_of(
            st.builds(lambda a, w, b: f"{a} {w} {b}", inner, st.sampled_from(["and", "or"]), inner),
            inner.map(lambda term: f"({term})"),
            inner.map(lambda term: f"not ({term})"),
            st.builds(lambda name, term: f"{name}[{term}]", NAMES, inner),
        ),
        max_leaves=6,
    )


@st.composite
def _mutated(draw: st.DrawFn, source: SearchStrategy[str]) -> str:
    """Return a text with up to three pieces cut, doubled or put in."""
    text = draw(source)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 6)))
        piece = draw(st.sampled_from(["", "(", ")", "[", "]", '"', "\\", " not ", "\0", ".", ":"]))
        text = draw(st.sampled_from([text[:start] + piece + text[end:], text[:end] + text[start:]]))
    return text


FILTERS = _mutated(_filters())
PATHS = _mutated(NAMES | st.builds(lambda n, f, s: f"{n}[{f}]{s}", NAMES, _filters(),
                                   st.sampled_from(["", ".value", ".type", ".x"])))  # fmt: skip


def whole(
    method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> bytes:
    """Return the bytes of a request below the directory."""
    lines = {
        "Host": "rollcall.test",
        "Authorization": "Bearer @TOKEN@",
        "Content-Type": "application/scim+json",
        **(headers or {}),
        "Content-Length": "@LENGTH@",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    address = f"/scim/v2/@DIRECTORY@{path}"
    return f"{method} {address} HTTP/1.1\r\n{head}\r\n".encode("utf-8", "surrogateescape") + body


def _text(value: object) -> bytes:
    return json.dumps(value).encode()


PARAMETERS = st.dictionaries(
    st.sampled_from(["sortBy", "sortOrder", "attributes", "excludedAttributes", "count"])
    | st.sampled_from(["startIndex", "cursor", "x", "filter"]),
    TEXTS | NAMES | st.integers().map(str),
    max_size=3,
)
LISTS = st.builds(
    lambda endpoint, text, more: whole(
        "GET",
        f"/{endpoint}?"
        + "&".join(f"{name}={_quoted(value)}" for name, value in {"filter": text, **more}.items()),
    ),
    st.sampled_from(["Users", "Groups", "Users/@USER@", "Users/", "Schemas"]),
    FILTERS,
    PARAMETERS,
)


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"))


SEARCHES = st.builds(
    lambda endpoint, text, more: whole(
        "POST", f"{endpoint}/.search", _text({"filter": text, **more})
    ),
    st.sampled_from(["/Users", "/Groups", ""]),
    FILTERS | JSON,
    st.dictionaries(
        st.sampled_from(["sortBy", "count", "startIndex", "attributes", "cursor"]), JSON
    ),
)
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "replace", "remove", "Add", "test"])},
        optional={"path": PATHS, "value": JSON},
    )
    | JSON,
    max_size=4,
)
PATCHES = st.builds(
    lambda place, operations: whole(
        "PATCH", place, _text({"schemas": [PATCH_OP], "Operations": operations})
    ),
    st.sampled_from(["/Users/@USER@", "/Groups/@GROUP@", "/Users/@GROUP@"]),
    OPERATIONS | JSON,
)
RESOURCES = st.builds(
    lambda request, body: whole(*request, _text(body)),
    st.sampled_from([
        ("POST", "/Users"), ("POST", "/Groups"), ("PUT", "/Users/@USER@"),
        ("PUT", "/Groups/@GROUP@"), ("POST", "/Bulk"), ("PUT", "/Users/x"),
    ]),
    st.dictionaries(NAMES | TEXTS, JSON, max_size=6) | JSON,
)  # fmt: skip


@st.composite
def _noise(draw: st.DrawFn) -> bytes:
    """Return a body with some of its bytes changed."""
    body = bytearray(_text(draw(JSON)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(body)))
        body[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


BODIES = st.builds(
    lambda request, body, headers: whole(*request, body, headers),
    st.sampled_from([("POST", "/Users"), ("PUT", "/Users/@USER@"), ("PATCH", "/Groups/@GROUP@")]),
    st.binary(max_size=200) | _noise(),
    st.dictionaries(
        st.sampled_from(["Content-Type", "Content-Encoding", "Accept", "If-Match", "Expect"])
        | st.sampled_from(["traceparent", "Authorization", "User-Agent", "X-Odd"]),
        st.sampled_from(["", "*", 'W/"1"', "gzip", "identity", "application/json;charset=latin-1"])
        | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
        max_size=2,
    ),
)


@st.composite
def _broken_http(draw: st.DrawFn) -> bytes:
    """Return a good request with some of its bytes changed, its first line and headers included."""
    sent = bytearray(draw(st.one_of(LISTS, PATCHES, RESOURCES)).replace(b"@LENGTH@", b"40"))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(sent)))
        sent[place : place + draw(st.integers(0, 3))] = draw(
            st.binary(max_size=3) | st.sampled_from([b"\r\n", b"\0", b"%00", b"%", b"/", b": "])
        )
    return bytes(sent)


STRATEGIES: Mapping[str, SearchStrategy[bytes]] = {
    "lists": LISTS,
    "searches": SEARCHES,
    "patches": PATCHES,
    "resources": RESOURCES,
    "bodies": BODIES,
    "http": _broken_http(),
}
