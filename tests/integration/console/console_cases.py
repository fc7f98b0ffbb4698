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
    "GET /app-groups/{group_id}": ("app_group",),
    "POST /app-groups/{group_id}": ("app_group",),
    "POST /app-groups/{group_id}/archive": ("app_group",),
    "POST /app-groups/{group_id}/delete": ("app_group",),
    "POST /app-groups/{group_id}/restore": ("app_group",),
    "GET /apps/{app_id}": ("app",),
    "POST /apps/{app_id}/archive": ("app",),
    "POST /apps/{app_id}/check/{provider}": ("app", "provider"),
    "GET /apps/{app_id}/credentials/{transport}": ("app", "transport"),
    "POST /apps/{app_id}/credentials/{transport}": ("app", "transport"),
    "POST /apps/{app_id}/delete": ("app",),
    "GET /apps/{app_id}/edit": ("app",),
    "POST /apps/{app_id}/edit": ("app",),
    "POST /apps/{app_id}/restore": ("app",),
    "POST /apps/{app_id}/resume/{provider}": ("app", "provider"),
    "POST /apps/{app_id}/suspects/{provider}": ("app", "provider"),
    "GET /audience-groups/{group_id}": ("audience_group",),
    "POST /audience-groups/{group_id}": ("audience_group",),
    "POST /audience-groups/{group_id}/archive": ("audience_group",),
    "POST /audience-groups/{group_id}/delete": ("audience_group",),
    "POST /audience-groups/{group_id}/restore": ("audience_group",),
    "POST /audiences/filters/{filter_id}/delete": ("filter",),
    "GET /devices/{device_id}": ("device",),
    "POST /devices/{device_id}/erase": ("device",),
    "GET /devices/{device_id}/export": ("device",),
    "GET /events/{event_id}": ("event",),
    "POST /events/{event_id}": ("event",),
    "POST /events/{event_id}/activate": ("event",),
    "POST /events/{event_id}/deactivate": ("event",),
    "POST /events/{event_id}/delete": ("event",),
    "POST /events/{event_id}/test": ("event",),
    "POST /pushes/{push_id}/activate": ("push",),
    "POST /pushes/{push_id}/deactivate": ("push",),
    "POST /pushes/{push_id}/delete": ("push",),
    "GET /pushes/{push_id}/edit": ("push",),
    "POST /pushes/{push_id}/edit": ("push",),
    "GET /sendings/{scheduler_id}": ("scheduler",),
    "POST /sendings/{scheduler_id}/activate": ("scheduler",),
    "POST /sendings/{scheduler_id}/cancel": ("scheduler",),
    "POST /sendings/{scheduler_id}/duplicate": ("scheduler",),
    "GET /sendings/{scheduler_id}/edit": ("scheduler",),
    "POST /sendings/{scheduler_id}/edit": ("scheduler",),
    "POST /sendings/{scheduler_id}/pause": ("scheduler",),
    "GET /sendings/{scheduler_id}/recipients": ("scheduler",),
    "GET /sendings/{scheduler_id}/results.csv": ("scheduler",),
    "POST /sendings/{scheduler_id}/resume": ("scheduler",),
    "GET /sendings/{scheduler_id}/test": ("scheduler",),
    "POST /sendings/{scheduler_id}/test": ("scheduler",),
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
    "POST /app-groups/{group_id}": {"name": "Group", "all_apps": "1"},
    "POST /apps/{app_id}/credentials/{transport}": {"app_id": "100200300", "secret": "s-1"},
    "POST /apps/{app_id}/edit": {"name": "App"},
    "POST /audience-groups/{group_id}": {"name": "Group", "audiences": "vip"},
    "POST /events/{event_id}": {"name": "Event", "code": "other"},
    "POST /events/{event_id}/test": {"reference": "u-1"},
    "POST /pushes/{push_id}/edit": {"lang": "en", "title": "Title", "text": "Text"},
    "POST /sendings/{scheduler_id}/edit": {"name": "Name", "apps": "all", "date": "2999-01-01", "time": "12:00"},
    "POST /sendings/{scheduler_id}/test": {"device": "1"},
    "POST /team/{member_id}/role": {"role": "viewer"},
    "POST /webhooks/{webhook_id}": {"url": "https://hooks.example.com/", "events": ["send.finished"]},
}
"""What forms need to be accepted, so that only the id decides."""
EXEMPT = {
    "GET /apps/new/{transport}": "names a provider, not a thing of an account",
    "POST /apps/new/{transport}": "names a provider, not a thing of an account",
    "GET /static/{version}/{name}": "files are the same for everybody",
    "GET /welcome/{purpose}/{token}": "opened by who holds the token, tests/integration/console/test_sign_in.py",
    "POST /welcome/{purpose}/{token}": "opened by who holds the token, tests/integration/console/test_sign_in.py",
    "GET /{rest}": "names nothing",
}
