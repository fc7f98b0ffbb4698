"""Where people go after signing in: only to pages of the console, whatever an address says."""

import re
from urllib.parse import quote

from clarion.console.navigation import HOME
from clarion.console.visit import BASE

_LOCAL = re.compile(rf"{BASE}(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
_LIMIT = 1000


def safe_next(text: str) -> str:
    """The path below `BASE` that `next` names, if it is a page of ours; else where people land anyway."""
    if len(text) > _LIMIT or not _LOCAL.fullmatch(text) or "//" in text or text.startswith(f"{BASE}/sign"):
        return HOME
    return text.removeprefix(BASE) or HOME


def sign_in_address(path: str, query: bytes, *, method: str) -> str:
    """The sign-in page, which leads back to the page that was asked for."""
    if method != "GET" or path.rstrip("/") == BASE:
        return f"{BASE}/sign-in"
    wanted = f"{path}?{query.decode('latin-1')}" if query else path
    return f"{BASE}/sign-in?next={quote(wanted, safe='')}"
