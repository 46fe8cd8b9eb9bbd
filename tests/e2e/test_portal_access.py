"""Who comes in: links, sessions, forms; and that nobody gets at another organization's data."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, expect

from services.portal import app
from services.portal.clients import Services
from services.portal.http.live import Hub
from services.portal.settings import Settings
from tests.support.portal import seen, sign_in
from tests.support.waiting import eventually
from tests.support.world import Directory, Person, World

# Routes without an organization in their path, and what each answers to an administrator.
OPEN = {
    ("GET", "/link/{token}"): 410,
    ("POST", "/link/{token}"): 410,
    ("POST", "/sign-out"): 403,
    ("GET", "/sign-in"): 404,
    ("GET", "/sign-in/begin"): 404,
    ("GET", "/sign-in/callback"): 404,
    ("GET", "/"): 303,
    ("GET", "/organizations"): 404,
    ("POST", "/organizations"): 403,
    ("GET", "/theme.css"): 200,
    ("GET", "/logo"): 404,
    ("POST", "/scheme"): 303,
    ("POST", "/v1/links"): 401,
    ("GET", "/v1/links"): 401,
    ("DELETE", "/v1/links/{id}"): 401,
    ("GET", "/v1/audit"): 401,
    ("GET", "/v1/openapi.json"): 401,
    ("GET", "/static"): 403,
}


def routes() -> list[tuple[str, str]]:
    """Return method and path of every route, from the route table itself."""
    nothing: Any = None
    settings = Settings.model_construct(
        secret="s" * 16, host="127.0.0.1", port=1, public_url="", api_key="k" * 16, accent="",
        api_keys_file="", logo="", product_name="Rollcall", embed_origins="", oidc_issuer="",
    )  # fmt: skip
    services = Services(nothing, "http://127.0.0.1:1", "http://127.0.0.1:1")
    made = app.application(nothing, services, settings, Hub(nothing, services))
    return [
        (route.method, route.resource.canonical)
        for route in made.router.routes()
        if route.resource and route.method != "HEAD"
    ]


@dataclass(frozen=True, slots=True)
class Visitor:
    """An administrator without a browser: the cookie and the form token of a session."""

    http: aiohttp.ClientSession
    base: str
    csrf: str

    async def asks(self, method: str, path: str, **fields: str) -> tuple[int, str]:
        """Return status and text; forms carry the session's token, and what is asked for."""
        data = {"csrf": self.csrf, **fields} if method == "POST" else None
        async with self.http.request(
            method, self.base + path, data=data, allow_redirects=False
        ) as answer:
            if answer.content_type == "text/event-stream":
                return answer.status, ""
            return answer.status, await answer.text()


@pytest.fixture
async def jar() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=15)
    unsafe = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=unsafe) as session:
        yield session


async def visitor(world: World, jar: aiohttp.ClientSession, organization: str) -> Visitor:
    async with jar.post(await world.invitation(organization)) as answer:
        found = re.search(r'name="csrf" value="([^"]+)"', await answer.text())
    assert found
    return Visitor(jar, world.system.run["portal"], found[1])


@dataclass(frozen=True, slots=True)
class Theirs:
    """What another organization has: the parts of addresses, and words that must not be seen."""

    organization: str
    parts: Mapping[str, str]
    words: tuple[str, ...]


async def theirs(world: World) -> Theirs:
    directory = await world.directory(mapping={"Confidential": "admin"})
    stranger: Person = await directory.provision("lovelace", groups=["Confidential"])
    request = await refused(directory)
    link = await world.post(
        "portal", "/links", {"kind": "invitation", "organizationId": directory.organization}
    )
    parts = {"dir": directory.id, "key": directory.token.split("_")[1], "id": stranger.id,
             "group": directory.groups["Confidential"], "request": request,
             "link": link["id"], "event": f"{directory.id}:1:1"}  # fmt: skip
    words = ("lovelace", "Confidential", directory.token[-4:], directory.endpoint)
    return Theirs(directory.organization, parts, words)


async def refused(directory: Directory) -> str:
    headers = {"Authorization": f"Bearer {directory.token}"}
    async with directory.world.http.post(
        f"{directory.endpoint}/Users", json={}, headers=headers
    ) as answer:
        assert answer.status == 400
        return answer.headers["X-Request-Id"]


def ids_for(path: str, other: Theirs) -> str:
    """Fill the parts of a path with the ids of another organization, of the right kind."""
    kinds = {"/groups/": "group", "/requests/": "request", "/links/": "link",
             "/events/": "event"}  # fmt: skip
    kind = next((key for part, key in kinds.items() if part in path), "id")
    return path.format(**{**other.parts, "id": other.parts[kind], "org": "{org}"})


async def test_every_route_is_closed_to_the_session_of_another_organization(
    world: World, jar: aiohttp.ClientSession
) -> None:
    other = await theirs(world)
    ours = await world.directory()
    visits = await visitor(world, jar, ours.organization)
    closed = [(method, path) for method, path in routes() if "{org}" in path]
    assert len(closed) > 15

    answers = {}
    for method, path in closed:
        target = ids_for(path, other).replace("{org}", other.organization)
        answers[method, path] = await visits.asks(method, target, label="Bearer token")

    assert {key: status for key, (status, _) in answers.items() if status != 404} == {}
    told = [key for key, (_, text) in answers.items() if any(w in text for w in other.words)]
    assert told == []


async def test_ids_of_another_organization_are_nothing_below_our_own(
    world: World, jar: aiohttp.ClientSession
) -> None:
    other = await theirs(world)
    ours = await world.directory()
    visits = await visitor(world, jar, ours.organization)

    answers = {}
    for method, path in routes():
        if "{org}" in path and path != "/portal/{org}/stream":
            target = ids_for(path, other).replace("{org}", ours.organization)
            query = f"?directory={other.parts['dir']}"
            fields = {"directory": other.parts["dir"], "label": "Bearer token"}
            answers[method, path] = await visits.asks(method, target + query, **fields)

    named = {key for key in answers if re.search(r"\{(dir|id|key)\}", key[1])}
    assert {key: answers[key][0] for key in named if answers[key][0] != 404} == {}
    told = [key for key, (_, text) in answers.items() if any(w in text for w in other.words)]
    assert told == []


async def test_routes_without_an_organization_are_known_and_tell_nothing(
    world: World, jar: aiohttp.ClientSession
) -> None:
    ours = await world.directory()
    visits = await visitor(world, jar, ours.organization)
    without = {(method, path) for method, path in routes() if "{org}" not in path}
    assert without == set(OPEN), "say in OPEN what the new route answers to an administrator"

    statuses = {}
    for method, path in sorted(without):
        stale = Visitor(jar, visits.base, "of another session")
        statuses[method, path] = (await stale.asks(method, path.format(token="x", id="x")))[0]

    assert statuses == OPEN


async def test_without_a_session_nothing_is_shown(world: World, jar: aiohttp.ClientSession) -> None:
    other = await theirs(world)
    nobody = Visitor(jar, world.system.run["portal"], "")

    statuses = {
        (method, path): (await nobody.asks(method, ids_for(path, other).replace(
            "{org}", other.organization)))[0]
        for method, path in routes() if "{org}" in path
    }  # fmt: skip

    assert set(statuses.values()) == {401}


async def test_a_form_of_another_site_changes_nothing(
    world: World, jar: aiohttp.ClientSession
) -> None:
    ours = await world.directory()
    visits = await visitor(world, jar, ours.organization)
    url = f"{visits.base}/portal/{ours.organization}/provisioning"
    form = {"csrf": visits.csrf, "provider": "okta", "name": "Forged"}

    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}):  # fmt: skip
        async with jar.post(url, data=form, headers=headers) as answer:
            assert answer.status == 403, headers
            assert "Forged" not in await answer.text()

    async with jar.get(url) as answer:
        assert "Forged" not in await answer.text()


async def test_every_page_has_the_headers_that_keep_it_to_itself(
    world: World, jar: aiohttp.ClientSession
) -> None:
    ours = await world.directory()
    visits = await visitor(world, jar, ours.organization)
    base = f"{visits.base}/portal/{ours.organization}"

    for url in (base, f"{base}/provisioning/{ours.id}", f"{base}/nothing", f"{visits.base}/link/x"):
        async with jar.get(url) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert not re.search(r'style="| on\w+="|<script(?! type="module" src)',
                                 await answer.text())  # fmt: skip


async def test_a_redirect_is_used_up_by_one_sign_in_and_an_invitation_by_none(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    wanted = {"kind": "redirect", "organizationId": directory.organization}
    link = str((await world.post("portal", "/links", wanted))["url"])
    page = await (await browser.new_context()).new_page()
    for _ in range(2):
        await page.goto(link)
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    again = await page.goto(link)

    assert again
    assert again.status == 410
    await expect(page.get_by_text("This link does not work any more")).to_be_visible()


async def test_reused_expired_revoked_and_made_up_links_look_alike(world: World) -> None:
    directory = await world.directory()
    run, http = world.system.run, world.http
    used, expired, revoked = [
        await world.post("portal", "/links", {
            "kind": "redirect", "organizationId": directory.organization, "validForS": seconds})
        for seconds in (300, 1, 300)
    ]  # fmt: skip
    async with http.post(used["url"], allow_redirects=False) as answer:
        assert answer.status == 303
    gone = f"{run['portal']}/v1/links/{revoked['id']}?organization={directory.organization}"
    async with http.delete(gone, headers=world.headers) as answer:
        assert answer.status == 204

    texts = set()
    for url in (used["url"], revoked["url"], f"{used['url']}x", f"{run['portal']}/link/nothing"):
        for method in ("GET", "POST"):
            async with http.request(method, url) as answer:
                assert answer.status == 410
                texts.add((await answer.text()).replace(url.rpartition("/")[2], ""))
    page_of_expired = await until_gone(world, expired["url"])

    assert texts == {page_of_expired}
    assert directory.organization not in page_of_expired


async def until_gone(world: World, url: str) -> str:
    text = ""

    async def is_gone() -> bool:
        nonlocal text
        async with world.http.get(url) as answer:
            text = (await answer.text()).replace(url.rpartition("/")[2], "")
            return answer.status == 410

    await eventually(is_gone)
    return text


async def test_an_invitation_ends_with_a_newer_one_and_when_set_up_is_complete(
    world: World,
) -> None:
    directory = await world.directory()
    first, second = [await world.invitation(directory.organization) for _ in range(2)]

    async def status(link: str) -> int:
        async with world.http.get(link) as answer:
            return answer.status

    assert (await status(first), await status(second)) == (410, 200)
    await world.declare("admin")
    magdalena = await directory.provision("magdalena", groups=["Admins"])
    await directory.save_mapping({"Admins": "admin"})
    await directory.become(magdalena, {"admin"})
    await until_gone(world, second)
    assert await status(await world.invitation(directory.organization)) == 200


async def test_links_are_listed_and_revoking_one_ends_its_sessions(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    link = await world.invitation(directory.organization)
    guest = await (await browser.new_context()).new_page()
    await guest.goto(link)
    await guest.get_by_role("button", name="Continue").click()
    operator = await (await browser.new_context()).new_page()
    await operator.goto((await world.post("portal", "/links", {"kind": "operator"}))["url"])
    await operator.get_by_role("button", name="Continue").click()
    await operator.goto(f"{world.system.run['portal']}/portal/{directory.organization}/links")
    assert link not in await operator.content()

    await operator.get_by_role("button", name="Revoke").click()

    await expect(operator.get_by_role("row").nth(1)).to_contain_text("Revoked")
    await guest.reload()
    await expect(guest.get_by_role("heading", name="Please sign in")).to_be_visible()
    await operator.get_by_role("button", name="Create an invitation").click()
    made = await operator.get_by_label("Invitation", exact=True).input_value()
    await guest.goto(made)
    await guest.get_by_role("button", name="Continue").click()
    await expect(guest.get_by_role("heading", name="Overview")).to_be_visible()
    await guest.goto(f"{world.system.run['portal']}/portal/{directory.organization}/links")
    await expect(guest.get_by_role("button", name="Create an invitation")).to_have_count(0)


@pytest.mark.parametrize("script", [True, False])
async def test_a_session_that_ends_keeps_what_was_typed(
    browser: Browser, world: World, *, script: bool
) -> None:
    directory = await world.directory()
    administrator = await sign_in(browser, world, directory.organization, script=script)
    page = await administrator.opens(f"/provisioning/{directory.id}")
    await page.get_by_label("Label").fill("Night shift")
    await page.context.clear_cookies()

    await page.get_by_role("button", name="create the second token").click()

    await expect(page.get_by_role("heading", name="Your session ended")).to_be_visible()
    tab = await page.context.new_page()
    await tab.goto(await world.invitation(directory.organization))
    await tab.get_by_role("button", name="Continue").click()
    for _ in range(2):
        await page.get_by_role("button", name="Send it again").click()
    await expect(page.get_by_label("Bearer Token", exact=True)).to_be_visible()
    await page.get_by_role("link", name="I have stored it").click()
    await expect(page.locator("#token-list")).to_contain_text("Night shift")


async def test_a_session_that_ends_while_a_page_follows_is_said(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens("")
    await page.context.clear_cookies()

    await directory.provision("magdalena")

    await expect(page.locator("#stale")).to_contain_text("Your session ended")


async def test_signing_out_ends_the_session_and_back_shows_nothing(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    await directory.provision("lovelace")
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens("/users")
    await seen(page, "Lovelace Kovac")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Signed out")).to_be_visible()

    await page.go_back()
    await page.reload()

    await expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()
