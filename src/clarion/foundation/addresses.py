"""Which addresses of the network may be reached on behalf of others (reliability.md SS-4, SS-6). Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

URL_LIMIT = 2048
"""Characters of an address."""

_PRIVATE_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))

_URL_TEXT = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Target:
    """The part of an address that a connection is made to."""

    scheme: str
    host: str
    """A name or the text of an IP address (IPv6 without brackets), in lower case."""
    port: int

    @property
    def literal(self) -> IPv4Address | IPv6Address | None:
        """The IP address, if the host is one."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    def named_in(self, hosts: Sequence[str]) -> bool:
        """Whether a list of `host[:port]` names exactly this target; without a port it means the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        names = {f"{host}:{self.port}", *([host] if self.port == _DEFAULT_PORTS[self.scheme] else [])}
        return any(entry.lower() in names for entry in hosts)


def is_public(text: str) -> bool:
    """Whether an IP address belongs to the public internet. An IPv4 address inside an IPv6 one counts as itself."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _PRIVATE_V4)
    return address in _PUBLIC_V6 and not any(address in block for block in _SPECIAL_V6)


def target_of(url: str) -> Target | None:
    """Where an absolute http or https address leads; None for anything that parsers could read in different ways."""
    if len(url) > URL_LIMIT or not _URL_TEXT.fullmatch(url) or "\\" in url or "#" in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    if parts.scheme not in _DEFAULT_PORTS or "@" in parts.netloc or port == 0:
        return None
    bracketed = f"[{host}]" if ":" in host else host
    written = bracketed if port is None else f"{bracketed}:{port}"
    if parts.netloc.lower() != written or not _is_host(host):
        return None
    return Target(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme])


def _is_host(host: str) -> bool:
    """A name of ASCII labels, or an address as it is usually written: `127.1` and `0x7f000001` would be resolved."""
    try:
        return "%" not in host and str(ip_address(host)) == host
    except ValueError:
        last = host.rpartition(".")[2]
        return _HOST.fullmatch(host) is not None and not re.fullmatch(r"\d+|0x[0-9a-f]*", last)
