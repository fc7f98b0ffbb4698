"""Examples of the OpenAPI document, by operation. A test holds each against its schema."""

from collections.abc import Mapping
from typing import Any

from clarion.api.openapi.audience_examples import AUDIENCE_REQUESTS, AUDIENCE_RESPONSES
from clarion.api.openapi.privacy_examples import PRIVACY_REQUESTS, PRIVACY_RESPONSES
from clarion.api.openapi.rule_examples import RULE_REQUESTS, RULE_RESPONSES
from clarion.api.openapi.scheduler_examples import SCHEDULER_REQUESTS, SCHEDULER_RESPONSES
from clarion.api.openapi.webhook_examples import WEBHOOK_REQUESTS, WEBHOOK_RESPONSES

_PUSH = {
    "default_lang": "en",
    "translations": [
        {
            "language": "en",
            "title": 'Hello {{ tags.name | "friend" }}',
            "text": "It is raining",
            "link": "https://weather.example/now",
        },
        {"language": "pt", "title": 'Olá {{ tags.name | "amigo" }}', "text": "Está a chover"},
    ],
    "options": {
        "ttl": 3600,
        "collapse_key": "rain",
        "android": {"channel_id": "weather"},
        "ios": {"thread_id": "rain", "interruption_level": "time-sensitive"},
        "actions": [{"id": "map", "title": "Map", "link": "https://weather.example/map"}],
        "links": {"android": "app://weather/now"},
    },
}
_FILTER = {"app_ids_include": [501], "countries_include": ["PT", "BR"], "event_include": ["reg"]}
_COUNTS = {
    "sent": 9600,
    "failed": 400,
    "failed_by_reason": {"token": 390, "message": 0, "internal": 0, "expired": 10},
    "cancelled": 0,
    "skipped": 0,
    "skipped_by_reason": {"frequency": 0, "gap": 0, "too_late": 0},
    "delivered": 7200,
    "clicked": 360,
    "delivery_rate": 0.75,
    "click_rate": 0.05,
}
_SEND = {
    "id": 900,
    "scheduler_id": 71,
    "test": False,
    "zones": None,
    "state": "complete",
    "pause_reason": None,
    "push_ids": [31],
    "due_at": "2026-03-01T12:00:00Z",
    "cutoff_at": "2026-03-01T12:00:00.4Z",
    "expires_at": "2026-03-02T12:00:00.4Z",
    "finished_at": "2026-03-01T12:00:09Z",
    "estimate": 10050,
    "slices_total": 3,
    "slices_done": 3,
    "waiting": 0,
    "held": {"quiet_hours": 0, "frequency": 0, "gap": 0, "pacing": 0},
    "counts": _COUNTS,
}
_DELIVERY = {
    "send_id": 900,
    "device_id": "2305843009213693951",
    "app_id": 501,
    "push_id": 31,
    "language": "pt",
    "country": "PT",
    "platform": "android",
    "provider": "fcm",
    "state": "failed",
    "reason": "token",
    "code": "UNREGISTERED",
    "provider_id": None,
    "attempt": 1,
    "may_be_sent": False,
    "created_at": "2026-03-01T12:00:02Z",
    "next_attempt_at": None,
    "settled_at": "2026-03-01T12:00:02Z",
    "delivered_at": None,
    "clicked_at": None,
}
_STORY = {
    "device": {
        "id": "2305843009213693951",
        "app_id": 501,
        "app_archived": False,
        "external_id": "user-1",
        "active": True,
        "token": {
            "transport": "fcm",
            "masked": "dGhpcy…x9Q",
            "state": "invalid",
            "reason": "UNREGISTERED",
            "told_at": "2026-01-10T09:00:00Z",
            "state_changed_at": "2026-03-01T12:00:02Z",
            "suspect_code": None,
            "apns_environment": None,
        },
        "platform_type": "android",
        "platform_name": "android_api_34",
        "agent_name": "1.4.1",
        "country": "PT",
        "language": "pt",
        "language_tag": "pt-PT",
        "tz_name": "Europe/Lisbon",
        "tz_sec": 0,
        "tags": {"webmaster": "w-1"},
        "audiences": [],
        "onscreen_count": 4,
        "onscreen_sec": 310,
        "notif_perm_granted": True,
        "created_at": "2026-01-10T09:00:00Z",
        "updated_at": "2026-03-01T12:00:02Z",
        "last_active_at": "2026-02-20T18:00:00Z",
    },
    "registrations": [
        {
            "id": "2305843009213693951",
            "app_id": 501,
            "external_id": "user-1",
            "active": True,
            "created_at": "2026-01-10T09:00:00Z",
            "last_active_at": "2026-02-20T18:00:00Z",
        }
    ],
    "events": [{"at": "2026-01-10T09:00:00Z", "code": "install", "number": 1, "code_deleted": False}],
    "deliveries": [
        _DELIVERY
        | {
            "decision": "the provider says that the app was removed from this device, or its token ran out, "
            "so its token is not used any more"
        }
    ],
    "missed": [
        {
            "send_id": 880,
            "scheduler_id": 70,
            "scheduler_name": "Only Brazil",
            "due_at": "2026-02-25T12:00:00Z",
            "cause": "not_matched",
            "explanation": "the device does not match the scheduler's filter: countries",
        }
    ],
    "upcoming": [
        {
            "scheduler_id": 73,
            "scheduler_name": "Welcome",
            "event": "reg",
            "number": 1,
            "due_at": "2026-03-01T14:30:00Z",
            "awaits_token": False,
            "paused": False,
        }
    ],
}
_CREDENTIAL = {
    "app_id": 501,
    "app_archived": False,
    "provider": "fcm",
    "label": "weather-pt",
    "fingerprint": "5f1d7a84",
    "version": 2,
    "updated_at": "2026-02-01T10:00:00Z",
    "expires_at": None,
    "results": 48210,
    "paused": {
        "since": "2026-03-01T12:00:00Z",
        "reason": "PERMISSION_DENIED",
        "next_probe_at": "2026-03-01T12:15:00Z",
    },
    "guard": {"tripped_at": None, "code": None, "suspects": 0},
    "blocked": None,
    "unknown": {"answers": 0, "last_text": None, "last_at": None},
    "alerts": [
        {
            "code": "paused",
            "text": "nothing is sent (PERMISSION_DENIED); replace the credential, or resume it after the repair",
        }
    ],
}

REQUESTS: Mapping[str, Any] = {
    "apps_create": {
        "push_provider": "onesignal",
        "name": "Weather PT",
        "link": "https://store.example/w",
        "onesignal_creds": {"app_id": "0b0c5d1e-0000-4a4a-9a9a-7f6f5f4f3f2f", "api_key": "k-9"},
    },
    "apps_update": {"name": "Weather Portugal"},
    "apps_set_credentials": {
        "push_provider": "onesignal",
        "onesignal_creds": {"app_id": "0b0c5d1e-0000-4a4a-9a9a-7f6f5f4f3f2f", "api_key": "k-10"},
    },
    "app_groups_create": {"name": "Iberia", "all_apps": False, "app_ids": [501, 502]},
    "app_groups_replace": {"name": "Iberia", "all_apps": False, "app_ids": [501]},
    "devices_find_devices": {"app_ids_include": [501], "countries_include": ["PT"], "page": 1, "per_page": 100},
    "pushes_create": _PUSH,
    "pushes_replace": _PUSH,
    "schedulers_create_onesend": {
        "name": "Rain",
        "date": "2026-03-01",
        "time": "12:00",
        "local_time": False,
        "timezone": "+00:00",
        **_FILTER,
    },
    "schedulers_create_conversion": {
        "name": "Welcome",
        "delay": "2h30m",
        "event_exclude": ["dep"],
        **_FILTER,
    },
    "schedulers_bind": {"push_ids": [31]},
    "schedulers_send_instant": {"name": "Storm", "filters": {"all_apps": True}, "push": _PUSH},
    "events_create": {"name": "Level up", "code": "level_up"},
    "events_update": {"name": "Next level"},
    "events_replace_postbacks": {"signature_required": True, "networks": ["203.0.113.0/24"], "quiet": True},
    **SCHEDULER_REQUESTS,
    **AUDIENCE_REQUESTS,
    **PRIVACY_REQUESTS,
    **RULE_REQUESTS,
    **WEBHOOK_REQUESTS,
}
"""Operation → a body that it takes."""

RESPONSES: Mapping[str, Any] = {
    "apps_create": {"id": 501},
    "app_groups_create": {"id": 12},
    "pushes_create": {"id": 31, "translations": [{"id": 61, "language": "en"}, {"id": 62, "language": "pt"}]},
    "schedulers_create_onesend": {"id": 71},
    "schedulers_create_conversion": {"id": 73},
    "schedulers_send_instant": {
        "sched_id": 72,
        "push_id": 32,
        "translations": [{"id": 63, "language": "en"}, {"id": 64, "language": "pt"}],
    },
    "events_create": {"id": 8},
    **SCHEDULER_RESPONSES,
    "sends_list_sends": {"sends": [_SEND], "next_cursor": "900"},
    "sends_show": _SEND,
    "sends_list_deliveries": {"deliveries": [_DELIVERY], "next_cursor": "501-2305843009213693951"},
    "statistics_read_statistics": {
        "from": "2026-03-01T00:00:00Z",
        "to": "2026-03-02T00:00:00Z",
        "group_by": ["push"],
        "groups": [
            {
                "day": None,
                "hour": None,
                "app_id": None,
                "push_id": 31,
                "send_id": None,
                "country": None,
                "language": None,
                "platform": None,
                "counts": _COUNTS,
            }
        ],
    },
    "devices_device_story": _STORY,
    "credentials_list_credentials": [_CREDENTIAL],
    "credentials_check_credential": {
        "ok": False,
        "code": "InvalidProviderToken",
        "message": "Apple refuses the credential (InvalidProviderToken: the key is revoked)",
        "checked_at": "2026-03-01T12:00:00Z",
    },
    "credentials_confirm_suspects": {"tokens": 240},
    "credentials_dismiss_suspects": {"tokens": 240},
    "operations_running_version": {"version": "0.1.0"},
    **AUDIENCE_RESPONSES,
    **PRIVACY_RESPONSES,
    **RULE_RESPONSES,
    **WEBHOOK_RESPONSES,
}
"""Operation → what it answers when it succeeds."""
