"""What web pages get from Clarion: the web SDK, the public VAPID key of an app, and an example page.

Pages of any origin load these, without credentials. The SDK's files stand in `console/sdk/`: page and service worker
share a part, which is put before each, so that both are single files without dependencies. Comments and indentation are
left out.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import msgspec
from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.features.apps.service import AppService
from clarion.features.devices.service import DeviceService
from clarion.foundation.errors import NotFound

_APP = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")  # more digits would not fit the database
_FOLDER = resources.files("clarion") / "console" / "sdk"
_SCRIPT = "text/javascript"
_OPEN = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
_NEEDLESS = re.compile(rb"^ */\*\*.*?\*/\n| // [^\n]*|^ +|^\n", re.DOTALL | re.MULTILINE)
_SECONDS_KEPT = 300


class AppKey(msgspec.Struct, frozen=True):
    """What a page must know of an app to subscribe."""

    vapid_key: str
    """The public half of the app's VAPID pair: base64url, 87 characters."""


@dataclass(frozen=True, slots=True)
class _Asset:
    """A file that is served as it is, behind the parts that it builds on."""

    parts: tuple[str, ...]
    media_type: str


_ASSETS = {
    "clarion.js": _Asset(("shared.js", "clarion.js"), _SCRIPT),
    "clarion-sw.js": _Asset(("shared.js", "clarion-sw.js"), _SCRIPT),
}
_EXAMPLE = {
    "page.js": _Asset(("example/page.js",), _SCRIPT),
    "worker.js": _Asset(("example/worker.js",), _SCRIPT),
    "page.css": _Asset(("example/page.css",), "text/css"),
}
_PAGE = _Asset(("example/index.html",), "text/html")


@cache
def _content(asset: _Asset) -> bytes:
    content = b"\n".join((_FOLDER / part).read_bytes() for part in asset.parts)
    return _NEEDLESS.sub(b"", content) if asset.media_type is _SCRIPT else content


def _served(asset: _Asset | None, *, headers: dict[str, str] | None = None) -> Response[bytes]:
    if asset is None:
        raise NotFound("not found: no such file")
    fresh = {"Cache-Control": "no-cache"}
    return Response(_content(asset), media_type=asset.media_type, headers={**_OPEN, **fresh, **(headers or {})})


@get("/apps/{name:str}", tags=["web SDK"], summary="The public VAPID key of an app")
async def app_key(
    name: FromPath[str], apps: NamedDependency[AppService], devices: NamedDependency[DeviceService]
) -> Response[AppKey]:
    """`name` is what SDKs call the app, with `.json` after it: `3-1.json`."""
    found = _APP.fullmatch(name.removesuffix(".json"))
    if found is None or not name.endswith(".json"):
        raise NotFound("not found: no such app")
    app_id = int(found[1])
    account_id = int(found[2]) if found[2] else await devices.account_of_app(app_id)
    if account_id is None:
        raise NotFound("not found: no such app")
    key = await apps.vapid(account_id, app_id)
    return Response(AppKey(key), headers={**_OPEN, "Cache-Control": f"public, max-age={_SECONDS_KEPT}"})


@get("/{name:str}", include_in_schema=False)
async def script(name: FromPath[str]) -> Response[bytes]:
    """The web SDK: `clarion.js` for pages, `clarion-sw.js` for service workers of any scope."""
    return _served(_ASSETS.get(name), headers={"Service-Worker-Allowed": "/"})


@get("/example", include_in_schema=False)
async def example() -> Response[bytes]:
    """A page that registers the browser as a device of the app named in its address."""
    return _served(_PAGE, headers={"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'"})


@get("/example/{name:str}", include_in_schema=False)
async def example_file(name: FromPath[str]) -> Response[bytes]:
    """The example page's own files."""
    return _served(_EXAMPLE.get(name))


ROUTES = [Router(path="/sdk", route_handlers=[app_key, script, example, example_file])]
