"""What the application chose to look like, and whether the reader wants it light or dark."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from services.portal.domain import appearance
from services.portal.http import session
from services.portal.http.render import SCHEME_COOKIE, SCHEMES

_A_YEAR_S = 365 * 86_400
_LOGOS = {
    ".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg",
}  # fmt: skip
_CACHE = {"Cache-Control": "public, max-age=300"}


@dataclass(frozen=True, slots=True)
class Appearance:
    """The handlers; `accent` and `logo` are empty where the portal's own are good."""

    base_url: str
    accent: str = ""
    logo: str = ""

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.get("/theme.css", self.theme),
            web.get("/logo", self.show_logo),
            web.post("/scheme", self.choose),
        ]

    async def theme(self, _request: web.Request) -> web.Response:
        """Answer the accent colour as custom properties, readable in light and dark."""
        text = appearance.stylesheet(appearance.theme(self.accent)) if self.accent else ""
        return web.Response(text=text, content_type="text/css", headers=_CACHE)

    async def show_logo(self, _request: web.Request) -> web.StreamResponse:
        """Answer the logo."""
        path = Path(self.logo)
        kind = _LOGOS.get(path.suffix.lower())
        if not self.logo or kind is None:
            raise web.HTTPNotFound
        # An SVG that is opened by itself runs no script: the policy of all pages holds here too.
        return web.FileResponse(path, headers={**_CACHE, "Content-Type": kind})

    async def choose(self, request: web.Request) -> web.Response:
        """Remember light or dark, or the reader's own setting; go back to the page."""
        session.check_origin(request, self.base_url)
        form = await request.post()
        chosen = str(form.get("scheme", ""))
        response = web.Response(
            status=303, headers={"Location": way_back(str(form.get("back", "")))}
        )
        if chosen in SCHEMES:
            is_secure = self.base_url.startswith("https:")
            response.set_cookie(
                SCHEME_COOKIE, chosen, max_age=_A_YEAR_S, samesite="Lax", httponly=True,
                secure=is_secure,
            )  # fmt: skip
        else:
            response.del_cookie(SCHEME_COOKIE)
        return response


def way_back(address: str) -> str:
    """Return where to go back to: a page of ours, whatever was sent."""
    parts = urlsplit(address)
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_ours and not parts.netloc and "\n" not in address else "/"
