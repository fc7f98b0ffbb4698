"""Which addresses are web push endpoints that we post to (reliability.md SS-1, SS-6). Pure.

Anonymous browsers name these addresses, so the rules hold twice: when a device registers, and again when a message
is about to leave.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from clarion.foundation.errors import InvalidInput

ENDPOINT_LIMIT = 2048
_HOSTS = frozenset({"fcm.googleapis.com"})
_HOST_SUFFIXES = (".push.services.mozilla.com", ".push.apple.com", ".notify.windows.com")
_FCM_PATHS = ("/fcm/send/", "/wp/")
_URL_TEXT = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
# Nothing that parsers read differently: no user information, fragment, backslash or capital letter in the host.
_USUAL = re.compile(r"https://([a-z0-9.:-]+)(/[\x21\x22\x24-\x5b\x5d-\x7e]*)").fullmatch


class _Site(NamedTuple):
    """What is thought of a host and port."""

    fault: str | None
    has_paths: bool = False
    """Only certain paths there are endpoints."""


class Endpoint(NamedTuple):
    """An address taken apart."""

    authority: str
    path: str
    """With the query."""
    fault: str | None
    """Why we never post there; None = we do."""


def endpoint_fault(endpoint: str, hosts: Sequence[str]) -> str | None:
    """Why we never post to this web push endpoint; None = we do. `InvalidInput` if it is no address at all.

    `hosts` are the operator's additional `host[:port]` values.
    """
    return read_endpoint(endpoint, tuple(hosts)).fault


def read_endpoint(endpoint: str, hosts: tuple[str, ...]) -> Endpoint:
    """The parts of a web push endpoint, and what is wrong with it; otherwise as `endpoint_fault`."""
    if len(endpoint) > ENDPOINT_LIMIT:
        raise InvalidInput("transport_token: endpoint is not an address")
    usual = _USUAL(endpoint)
    if usual is None:
        return _unusual(endpoint, hosts)
    authority, path = usual.groups()
    site = _known_site(authority, hosts)
    return Endpoint(authority, path, _path_fault(path.partition("?")[0]) if site.has_paths else site.fault)


@lru_cache(maxsize=1024)
def _known_site(authority: str, hosts: tuple[str, ...]) -> _Site:
    """The same for all endpoints of a push service, of which there are few."""
    return _site(authority, port=_port(urlsplit(f"https://{authority}/")), extra=hosts)


def _unusual(endpoint: str, hosts: Sequence[str]) -> Endpoint:
    """An address of any form."""
    if not _URL_TEXT.fullmatch(endpoint) or "\\" in endpoint:
        raise InvalidInput("transport_token: endpoint is not an address")
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        raise InvalidInput("transport_token: endpoint is not an address") from None
    port = _port(parts)
    if not parts.scheme or not parts.hostname:
        raise InvalidInput("transport_token: endpoint is not an absolute address")
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Endpoint(parts.netloc.lower(), path, _fault(endpoint, parts, port=port, hosts=hosts))


def _fault(endpoint: str, parts: SplitResult, *, port: int | None, hosts: Sequence[str]) -> str | None:
    if parts.scheme != "https":
        return "the endpoint is not https"
    if "@" in parts.netloc or "#" in endpoint:
        return "the endpoint has user information or a fragment"
    site = _site(parts.netloc.lower(), port=port, extra=hosts)
    return _path_fault(parts.path) if site.has_paths else site.fault


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise InvalidInput("transport_token: endpoint is not an address") from None


def _site(netloc: str, *, port: int | None, extra: Sequence[str]) -> _Site:
    host = netloc.rpartition(":")[0] if port is not None else netloc
    if not _HOST.fullmatch(host):
        return _Site("the endpoint's host is malformed")
    if port is not None and netloc != f"{host}:{port}":
        return _Site("the endpoint's port is malformed")
    named = {f"{host}:{443 if port is None else port}"} | ({host} if port in {None, 443} else set())
    if named & {entry.lower() for entry in extra}:
        return _Site(None)
    if port not in {None, 443}:
        return _Site("the endpoint's port is not 443")
    if host not in _HOSTS and not host.endswith(_HOST_SUFFIXES):
        return _Site("the endpoint's host is not an accepted push service")
    return _Site(None, has_paths=host == "fcm.googleapis.com")


def _path_fault(path: str) -> str | None:
    if not path.startswith(_FCM_PATHS) or ".." in unquote(path).split("/"):
        return "the endpoint's path is not one of its push service"
    return None
