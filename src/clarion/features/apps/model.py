"""Apps and app groups: what travels (management-api.md §3, §4)."""

import msgspec

from clarion.foundation.errors import InvalidInput

LIST_LIMIT = 10_000
"""Records of a plain list."""
LINK_LIMIT = 2048


class GroupRef(msgspec.Struct, frozen=True):
    """A group that contains an app."""

    id: int
    name: str


class App(msgspec.Struct, frozen=True):
    """An application. Credentials are never shown, only whether there are complete ones."""

    id: int
    pushexpress_id: str
    """What SDKs call the app: `<app id>-<account id>`."""
    push_provider: str
    name: str
    link: str
    groups: list[GroupRef]
    has_firebase_creds: bool
    has_apns_creds: bool
    has_onesignal_creds: bool
    has_huawei_creds: bool
    archived: bool


class AppGroup(msgspec.Struct, frozen=True):
    """A named set of apps, or of all active ones."""

    id: int
    app_ids: list[int]
    name: str
    all_apps: bool
    archived: bool


class AppGroupBody(msgspec.Struct, frozen=True):
    """All of a group that can be set. `app_ids` may be empty only with `all_apps`."""

    name: str
    all_apps: bool
    app_ids: list[int] | None = None


def checked_link(link: str) -> str:
    """The store page's address as given; `InvalidInput` when too long or not printable."""
    if len(link) > LINK_LIMIT:
        raise InvalidInput(f"link must have at most {LINK_LIMIT} characters")
    if link and not link.isprintable():
        raise InvalidInput("link must hold printable characters only")
    return link
