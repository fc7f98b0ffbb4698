"""Examples of the OpenAPI document for audiences, saved filters and the devices query, by operation."""

from collections.abc import Mapping
from typing import Any

_GROUP = {"name": "Best customers", "audiences": ["vip", "gold"]}
_FILTER = {
    "app_ids_include": [501],
    "countries_include": ["PT", "BR"],
    "audience_groups_include": [7],
    "platforms_include": ["android"],
    "tags": [{"key": "plan", "equals": "gold"}, {"key": "webmaster", "contains": "partner-", "negate": True}],
    "last_active_within": "30d",
    "app_version_min": "1.4",
}
_SAVED = {"name": "Active gold", "filter": _FILTER}
_SAVED_VIEW = {"id": 5, **_SAVED, "created_at": "2026-02-01T10:00:00Z", "updated_at": "2026-02-01T10:00:00Z"}
_DEVICE = {
    "external_id": "user-1",
    "transport_token_masked": "dGhpcy…x9Q",
    "language": "pt",
    "country": "PT",
    "id": "2305843009213693951",
    "app_id": 501,
    "ic_token": "0b0c5d1e-0000-4a4a-9a9a-7f6f5f4f3f2f",
    "transport_type": "fcm",
    "platform_type": "android",
    "platform_name": "android_api_34",
    "tz_sec": 0,
    "audiences": ["vip"],
    "events": ["install", "reg"],
    "active": True,
    "created_at": "2026-01-10T09:00:00Z",
    "last_active_at": "2026-02-28T18:00:00Z",
}

AUDIENCE_REQUESTS: Mapping[str, Any] = {
    "audiences_estimate_audience": {**_FILTER, "sample": 1},
    "audience_groups_create": _GROUP,
    "audience_groups_replace": _GROUP,
    "filters_create": _SAVED,
    "filters_replace": _SAVED,
    "devices_search_devices": {**_FILTER, "limit": 100},
}
AUDIENCE_RESPONSES: Mapping[str, Any] = {
    "audiences_list_audiences": {"audiences": [{"audience": "vip", "devices": 1240}], "next_cursor": "vip"},
    "audiences_estimate_audience": {
        "devices": 10050,
        "exact": False,
        "margin": 420,
        "by_app": [{"app_id": 501, "devices": 10050}],
        "by_platform": [{"value": "android", "devices": 10050}],
        "by_country": [{"value": "BR", "devices": 8200}, {"value": "PT", "devices": 1850}],
        "by_language": [{"value": "pt", "devices": 10050}],
        "sample": [
            {
                "id": "2305843009213693951",
                "app_id": 501,
                "external_id": "user-1",
                "transport_type": "fcm",
                "transport_token_masked": "dGhpcy…x9Q",
                "platform_type": "android",
                "country": "PT",
                "language": "pt",
                "last_active_at": "2026-02-28T18:00:00Z",
            }
        ],
    },
    "audience_groups_create": {"id": 7},
    "audience_groups_list_groups": [{"id": 7, **_GROUP, "archived": False}],
    "audience_groups_get_group": {"id": 7, **_GROUP, "archived": False},
    "filters_create": {"id": 5},
    "filters_list_filters": [_SAVED_VIEW],
    "filters_show": _SAVED_VIEW,
    "devices_search_devices": {
        "total_count": 1,
        "active_count": 1,
        "devices": [_DEVICE],
        "next_cursor": None,
    },
}
