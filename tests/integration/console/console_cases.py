"""What routes with ids in their paths are called with, for the tests of isolation: one line per route.

A case names the objects of `World` that stand in its path, in order. A route without a case fails the suite.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class World:
    """Ids of things that belong to one account."""

    ids: Mapping[str, int | str]


CASES: dict[str, tuple[str, ...]] = {
    "POST /keys/{key_id}/revoke": ("key",),
    "POST /keys/{key_id}/rotate": ("key",),
    "POST /profile/sessions/{session_id}/end": ("session",),
    "POST /team/invitations/{link_id}/withdraw": ("invitation",),
    "POST /team/{member_id}/remove": ("member",),
    "POST /team/{member_id}/role": ("member",),
    "GET /webhooks/{webhook_id}": ("webhook",),
    "POST /webhooks/{webhook_id}": ("webhook",),
    "POST /webhooks/{webhook_id}/delete": ("webhook",),
    "GET /webhooks/{webhook_id}/edit": ("webhook",),
    "POST /webhooks/{webhook_id}/ping": ("webhook",),
    "POST /webhooks/{webhook_id}/redeliver": ("webhook",),
    "POST /webhooks/{webhook_id}/secret": ("webhook",),
}
FIELDS: dict[str, dict[str, str | list[str]]] = {
    "POST /team/{member_id}/role": {"role": "viewer"},
    "POST /webhooks/{webhook_id}": {"url": "https://hooks.example.com/", "events": ["send.finished"]},
}
"""What forms need to be accepted, so that only the id decides."""
EXEMPT = {
    "GET /static/{version}/{name}": "files are the same for everybody",
    "GET /welcome/{purpose}/{token}": "opened by who holds the token, tests/integration/console/test_sign_in.py",
    "POST /welcome/{purpose}/{token}": "opened by who holds the token, tests/integration/console/test_sign_in.py",
    "GET /{rest}": "names nothing",
}
