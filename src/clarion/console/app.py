"""The console as an ASGI application: pages below `/console`, and what every answer of it says to browsers."""

from typing import Any

from litestar import Litestar, Request, Response, Router, get
from litestar.config.compression import CompressionConfig
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath
from litestar.types import Message, Receive, Scope, Send

from clarion.api.management import constant, service_dependencies
from clarion.console.access import Access
from clarion.console.assets import Assets
from clarion.console.errors import handlers
from clarion.console.gate import Gate
from clarion.console.pages import ROUTES
from clarion.console.rendering import Renderer
from clarion.console.visit import BASE, Visit
from clarion.foundation.errors import NotFound
from clarion.services import Services
from clarion.settings import Settings

BODY_LIMIT = 1 << 20
STATIC = f"{BASE}/static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HTTPS = {"strict-transport-security": "max-age=31536000"}


class Console:
    """The ASGI object; it adds the headers that protect people to every answer."""

    def __init__(self, litestar: Litestar, *, https: bool) -> None:
        self.litestar = litestar
        given = HEADERS | (_HTTPS if https else {})
        self._headers = [(name.encode(), value.encode()) for name, value in given.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        await self.litestar(scope, receive, protected)


def console_app(services: Services, settings: Settings) -> Console:
    """The console on these services."""
    assets = Assets(STATIC)
    renderer = Renderer(assets, base=BASE)
    gate = Gate(sessions=services.sessions, renderer=renderer, base_url=settings.base_url)
    litestar = Litestar(
        route_handlers=[entrance, static_file, Router(BASE, route_handlers=[*ROUTES, nothing])],
        before_request=gate.hook(),
        dependencies={
            **service_dependencies(services),
            "settings": constant(settings),
            "assets": constant(assets),
            "visit": Provide(current_visit, sync_to_thread=False),
        },
        exception_handlers=handlers(gate),
        request_max_body_size=BODY_LIMIT,
        compression_config=CompressionConfig(
            backend="gzip", minimum_size=1000, gzip_compress_level=5, exclude_opt_key="exclude_from_compression"
        ),
        openapi_config=None,
        logging_config=None,
    )
    return Console(litestar, https=settings.base_url.startswith("https://"))


def current_visit(request: Request[Any, Any, Any]) -> Visit:
    """What the gate made of the request."""
    visit: Visit = request.scope["state"]["visit"]
    return visit


@get("/", access=Access.ANYONE)
async def entrance() -> Response[str]:
    """The host's own address leads to the console."""
    return Response("", status_code=303, headers={"Location": BASE}, media_type="text/html")


async def _pass(_: Request[Any, Any, Any]) -> None:
    """Files are for everybody and know no sessions."""


@get(f"{STATIC}/{{version:str}}/{{name:str}}", before_request=_pass, exclude_from_compression=True)
async def static_file(
    version: FromPath[str], name: FromPath[str], assets: NamedDependency[Assets], request: Request[Any, Any, Any]
) -> Response[bytes]:
    """A file under the address of its content."""
    asset = assets.find(name)
    if version != asset.version:
        raise NotFound("this version of the file is gone")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.gzipped, media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.content, media_type=asset.media_type, headers=headers)


@get("/{rest:path}", access=Access.ANYONE)
async def nothing(rest: FromPath[str]) -> Response[str]:
    """Any other address."""
    raise NotFound(f"there is no page {rest}")
