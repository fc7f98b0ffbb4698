"""Examples of the OpenAPI document for exports and erasures, by operation."""

from collections.abc import Mapping
from typing import Any

_PERSON = {"external_id": "user-1"}
_EXPORT = {
    "devices": [
        {
            "device": {
                "app_id": 501,
                "id": "2305843009213693951",
                "ext_id": "user-1",
                "active": True,
                "transport": "fcm",
                "token": "dGhpcyBpcyBhIHRva2Vu",
                "country": "PT",
                "lang": "pt",
                "tags": {"name": "Ana"},
                "created_at": "2026-01-10T09:00:00+00:00",
                "installation_token": "0b0c5d1e-0000-4a4a-9a9a-7f6f5f4f3f2f",
            },
            "events": [{"at": "2026-01-10T09:00:00+00:00", "code": "install", "number": 1}],
            "deliveries": [{"day": "2026-02-28", "send_id": 900, "push_id": 31, "state": 2, "clicked_at": None}],
            "waiting": [],
            "rotations": [],
            "contacts": [{"send_id": 900, "scheduler_id": 71, "at": "2026-02-28T18:00:00+00:00"}],
        }
    ]
}

PRIVACY_REQUESTS: Mapping[str, Any] = {"devices_export_person": _PERSON, "devices_erase_person": _PERSON}
PRIVACY_RESPONSES: Mapping[str, Any] = {
    "devices_export_device": _EXPORT,
    "devices_export_person": _EXPORT,
    "devices_erase_person": {"devices": 2},
}
