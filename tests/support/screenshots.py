"""Photograph every screen: `make screenshots` writes .local/screenshots, and those of the docs.

A directory is set up on the way, as the guide says, so that each picture shows a state that exists.
Light and dark, wide and at 320 pixels; the docs show every screen, in both schemes.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, expect

from deploy.local import ports
from tests.support.chromium import chromium
from tests.support.portal import Administrator, Scheme, call_with_wrong_token, seen, sign_in
from tests.support.service import Service
from tests.support.system import System, running
from tests.support.world import Directory, Person, World, world_of

ROOT = Path(__file__).parents[2]
OUT = ROOT / ".local" / "screenshots"
DOCS = ROOT / "docs" / "portal"
SHOWN = (
    "sign-in", "overview", "choose-a-provider", "set-up", "a-new-token", "rotation", "revoke",
    "roles", "verify", "users", "user", "groups", "group", "activity", "request", "events", "event",
    "health", "access", "pause", "paused", "delete", "deleted", "fence", "operator-sign-in",
)  # fmt: skip
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
# A page has few colours; so many show it, in half the bytes.
_COLOURS = 160
_WIDE, _NARROW = {"width": 1200, "height": 780}, {"width": 320, "height": 640}
_PEOPLE = (
    ("magdalena", ("Staff", "Support", "Admins")), ("grace", ("Staff", "Editors")),
    ("edsger", ("Staff",)), ("barbara", ("Staff", "Editors", "Support")), ("katherine", ("Staff",)),
    ("linus", ("Staff", "Support")), ("radia", ("Staff", "Editors")), ("hedy", ("Staff",)),
)  # fmt: skip


@dataclass(slots=True)
class Camera:
    """Takes pictures of the page of one administrator."""

    page: Page
    scheme: Scheme

    async def take(self, name: str) -> None:
        """Write a picture in both widths; wide it is as high as a window, narrow as the page."""
        for size, end, whole in ((_NARROW, "-320", True), (_WIDE, "", False)):
            await self.page.set_viewport_size({**size})
            await self.page.evaluate("scrollTo(0, 0)")
            path = OUT / f"{self.scheme}-{name}{end}.png"
            await self.page.screenshot(path=path, full_page=whole, animations="disabled")


async def photograph(browser: Browser, world: World, scheme: Scheme) -> None:
    """Set a directory up, and take a picture at each turn."""
    organization = await world.organization("Globex" if scheme == "light" else "Globex at night")
    page = await (await browser.new_context(color_scheme=scheme)).new_page()
    camera = Camera(page, scheme)
    await page.goto(await world.invitation(organization))
    await camera.take("sign-in")
    administrator = await sign_in(browser, world, organization, scheme)
    camera.page = page = await administrator.opens("")
    await camera.take("overview-without-a-directory")
    await administrator.opens("/provisioning")
    await camera.take("choose-a-provider")
    directory = await _connect(camera, world, organization)
    person = await _provision(camera, directory)
    await _look_around(camera, administrator, directory, person)
    await _rotate(camera, administrator, directory)
    await _lose(camera, administrator, directory)
    await _pause(camera, administrator, directory)
    await page.goto(f"{world.system.run['portal']}/link/gone")
    await camera.take("link-gone")


async def _connect(camera: Camera, world: World, organization: str) -> Directory:
    page = camera.page
    onelogin = page.get_by_role("listitem").filter(has_text="OneLogin")
    await onelogin.get_by_text("Configure", exact=True).click()
    await page.get_by_role("button", name="Configure OneLogin").click()
    await camera.take("set-up-begins")
    await page.get_by_role("button", name="Create token").click()
    endpoint = await page.get_by_label("Endpoint URL", exact=True).input_value()
    token = await page.get_by_label("Bearer Token", exact=True).input_value()
    await camera.take("a-new-token")
    await page.get_by_role("link", name="I have stored it").click()
    directory = Directory(world, endpoint.rpartition("/")[2], organization, endpoint, token)
    await call_with_wrong_token(directory)
    await expect(page.locator(".checklist .trouble")).to_have_count(1, timeout=15_000)
    await camera.take("token-refused")
    return directory


async def _provision(camera: Camera, directory: Directory) -> Person:
    (first, groups), *others = _PEOPLE
    person = await directory.provision(first)
    await expect(camera.page.locator(".checklist .done")).to_have_count(3, timeout=15_000)
    await camera.take("set-up")
    for name, its in others:
        await directory.provision(name, groups=its)
    for group in groups:
        await directory.add(person, group)
    await directory.save_mapping({"Admins": "admin", "Editors": "editor"})
    await directory.become(person, {"admin"})
    await directory.call("POST", "/Users?", {"userName": "grace@globex.test"})
    await expect(camera.page.locator(".checklist .done")).to_have_count(6, timeout=15_000)
    await camera.take("set-up-complete")
    return person


async def _look_around(
    camera: Camera, administrator: Administrator, directory: Directory, person: Person
) -> None:
    await administrator.opens("/verify?q=magdalena@globex.test")
    await seen(camera.page, "Was given Admin")
    screens = {
        "overview": "", "verify": "/verify?q=magdalena@globex.test", "verify-many": "/verify?q=ka",
        "verify-nobody": "/verify?q=nobody", "users": "/users", "users-no-match": "/users?q=nobody",
        "users-wrong-group": "/users?group=nobody", "user": f"/users/{person.id}",
        "groups": "/groups", "group": f"/groups/{directory.groups['Staff']}", "roles": "/roles",
        "activity": "/activity", "events": "/events", "events-roles": "/events?kind=role.events.v1",
        "events-no-match": "/events?kind=rollcall.group.deleted.v1",
        "events-wrong": "/events?q=nobody", "event": f"/events/{directory.id}:1:4",
        "health": "/health", "access": "/links", "nothing-here": "/nothing",
    }  # fmt: skip
    for name, path in screens.items():
        await administrator.opens(path)
        await camera.take(name)
    await administrator.opens("/activity?result=failed")
    await camera.page.locator(".calls .what a").first.click()
    await camera.take("request")


async def _rotate(camera: Camera, administrator: Administrator, directory: Directory) -> None:
    page = await administrator.opens(f"/provisioning/{directory.id}")
    await page.get_by_role("button", name="create the second token").click()
    directory.token = await page.get_by_label("Bearer Token", exact=True).input_value()
    await page.get_by_role("link", name="I have stored it").click()
    await directory.provision("dennis", groups=["Staff"])
    await expect(page.get_by_text("First request with the new token")).to_be_visible(timeout=15_000)
    await camera.take("rotation")
    await page.get_by_role("link", name="Revoke the old token").click()
    await camera.take("revoke")


async def _lose(camera: Camera, administrator: Administrator, directory: Directory) -> None:
    """Delete a group by mistake, behind a fence that keeps three losses back."""
    run, world = directory.world.system.run, directory.world
    url = f"{run['roles']}/v1/directories/{directory.id}/fence"
    rules = {"percent": 20, "least": 1, "windowS": 3600, "actor": "screenshots"}
    async with world.http.put(url, json=rules, headers=world.headers) as answer:
        assert answer.ok, await answer.text()
    await directory.delete_group("Editors")
    page = await administrator.opens("/fence")
    await seen(page, "Would lose a role")
    await camera.take("fence")


async def _pause(camera: Camera, administrator: Administrator, directory: Directory) -> None:
    page = await administrator.opens(f"/provisioning/{directory.id}/pause")
    await camera.take("pause")
    await page.get_by_label("Type OneLogin to pause it").fill("OneLogin")
    await page.get_by_role("button", name="Pause syncing").click()
    await camera.take("paused")
    await administrator.opens("")
    await camera.take("overview-paused")
    await directory.rest()
    await administrator.opens(f"/provisioning/{directory.id}/delete")
    await camera.take("delete")
    await page.get_by_label("Type OneLogin to delete it").fill("OneLogin")
    await page.get_by_role("button", name="Delete for good").click()
    await camera.take("deleted")
    for name in ("users", "provisioning"):
        await administrator.opens(f"/{name}")
        await camera.take(f"{name}-after-a-deletion")


async def _let_operators_in(browser: Browser, system: System) -> None:
    """Photograph where operators sign in, at a portal that knows of a provider."""
    run, port = system.run, ports.choose()
    environment = {
        **os.environ,
        "ROLLCALL_PORTAL_DATABASE_URL": run["postgres"]["portal"],
        "ROLLCALL_PORTAL_PORT": str(port),
        "ROLLCALL_PORTAL_SECRET": "a secret of the pictures",
        "ROLLCALL_PORTAL_INGEST_URL": run["ingest"],
        "ROLLCALL_PORTAL_ROLES_URL": run["roles"],
        "ROLLCALL_PORTAL_OIDC_ISSUER": "https://login.example.com",
        "ROLLCALL_PORTAL_OIDC_CLIENT_ID": "rollcall-portal",
        "ROLLCALL_PORTAL_OIDC_CLIENT_SECRET": "nobody signs in",
        "ROLLCALL_PORTAL_OIDC_OPERATORS": "groups=rollcall-operators",
        "ROLLCALL_API_KEY": run["api_key"],
        "ROLLCALL_LOG_LEVEL": "WARNING",
    }
    async with Service("portal", environment, f"http://127.0.0.1:{port}").running():
        for scheme in SCHEMES:
            page = await (await browser.new_context(color_scheme=scheme)).new_page()
            await page.goto(f"http://127.0.0.1:{port}/sign-in")
            await Camera(page, scheme).take("operator-sign-in")


def _show(name: str) -> None:
    """Copy a picture to the docs, as small as it can be."""
    with Image.open(OUT / f"{name}.png") as picture:
        few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        few.save(DOCS / f"{name}.png", optimize=True)


async def main() -> None:
    """Photograph everything, and copy what the docs show."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="rollcall-screens-") as folder:
        async with (
            running(Path(folder)) as system,
            world_of(system) as world,
            chromium() as browser,
        ):
            for role in ("admin", "editor"):
                await world.declare(role)
            for scheme in SCHEMES:
                await photograph(browser, world, scheme)
            await _let_operators_in(browser, system)
    shutil.rmtree(DOCS, ignore_errors=True)
    DOCS.mkdir()
    for scheme in SCHEMES:
        for name in SHOWN:
            _show(f"{scheme}-{name}")
    sys.stdout.write(f"{len(list(OUT.iterdir()))} pictures in {OUT.relative_to(ROOT)}\n")


if __name__ == "__main__":
    asyncio.run(main())
