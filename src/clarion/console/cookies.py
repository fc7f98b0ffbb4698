"""The console's cookies: who the browser is, and how it wants the pages to look."""

import secrets
from dataclasses import dataclass

from litestar.datastructures import Cookie

from clarion.features.accounts.sessions import LIFETIME

THEMES = ("auto", "light", "dark")
_THEME_SECONDS = _KNOWN_SECONDS = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Cookies:
    """Names and attributes; over https the browser holds them to this host alone."""

    secure: bool

    @property
    def name(self) -> str:
        """Of the cookie that names the session."""
        return "__Host-clarion" if self.secure else "clarion"

    @property
    def theme_name(self) -> str:
        """Of the cookie with the chosen theme."""
        return "clarion-theme"

    @property
    def known_name(self) -> str:
        """Of the cookie that remembers that somebody has signed in here before."""
        return "__Host-clarion-known" if self.secure else "clarion-known"

    def session(self, token: str) -> Cookie:
        """Hold a session."""
        return self._private(token, seconds=int(LIFETIME.total_seconds()))

    def visitor(self, token: str) -> Cookie:
        """Recognise the forms of somebody who has not signed in, until the browser is closed."""
        return self._private(token, seconds=None)

    def gone(self) -> Cookie:
        """Forget the session."""
        return self._private("", seconds=0)

    def theme(self, value: str) -> Cookie:
        """Remember a theme."""
        return Cookie(self.theme_name, value=value, path="/", max_age=_THEME_SECONDS, httponly=True, samesite="lax")

    def known(self, mark: str) -> Cookie:
        """Remember that somebody has signed in here."""
        return self._private(mark, seconds=_KNOWN_SECONDS, name=self.known_name)

    def _private(self, value: str, *, seconds: int | None, name: str | None = None) -> Cookie:
        return Cookie(
            name or self.name, value=value, path="/", max_age=seconds, httponly=True, secure=self.secure, samesite="lax"
        )


def new_visitor() -> str:
    """A value for a browser without a session; it opens nothing."""
    return secrets.token_urlsafe(32)
