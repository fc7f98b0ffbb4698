"""Which addresses are web push endpoints that we post to (reliability.md SS-1, SS-6). Pure.

Anonymous browsers name these addresses, so the rules hold twice: when a device registers, and again when a message
is about to leave.
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from clarion.foundation.errors import InvalidInput

ENDPOINT_LIMIT = 2048
_HOSTS = frozenset({"fcm.googleapis.com"})
_HOST_SUFFIXES = (".push.services.mozilla.com", ".push.apple.com", ".notify.windows.com")
_FCM_PATHS = ("/fcm/send/", "/wp/")
_URL_TEXT = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


def endpoint_fault(endpoint: str, hosts: Sequence[str]) -> str | None:
    """Why we never post to this web push endpoint; None = we do. `InvalidInput` if it is no address at all.

    `hosts` are the operator's additional `host[:port]` values.
    """
    if len(endpoint) > ENDPOINT_LIMIT or not _URL_TEXT.fullmatch(endpoint) or "\\" in endpoint:
        raise InvalidInput("transport_token: endpoint is not an address")
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        raise InvalidInput("transport_token: endpoint is not an address") from None
    if not parts.scheme or not parts.hostname:
        raise InvalidInput("transport_token: endpoint is not an absolute address")
    if parts.scheme != "https":
        return "the endpoint is not https"
    if "@" in parts.netloc or "#" in endpoint:
        return "the endpoint has user information or a fragment"
    return _host_fault(parts.netloc.lower(), port=port, path=parts.path, extra=hosts)


def _host_fault(netloc: str, *, port: int | None, path: str, extra: Sequence[str]) -> str | None:
    host = netloc.rpartition(":")[0] if port is not None else netloc
    if not _HOST.fullmatch(host):
        return "the endpoint's host is malformed"
    if port is not None and netloc != f"{host}:{port}":
        return "the endpoint's port is malformed"
    named = {f"{host}:{443 if port is None else port}"} | ({host} if port in {None, 443} else set())
    if named & {entry.lower() for entry in extra}:
        return None
    if port not in {None, 443}:
        return "the endpoint's port is not 443"
    if host not in _HOSTS and not host.endswith(_HOST_SUFFIXES):
        return "the endpoint's host is not an accepted push service"
    if host == "fcm.googleapis.com" and (not path.startswith(_FCM_PATHS) or ".." in unquote(path).split("/")):
        return "the endpoint's path is not one of its push service"
    return None
