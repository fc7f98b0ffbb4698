"""Examples of the OpenAPI document for webhooks, comparisons and the audit log, by operation."""

from collections.abc import Mapping
from typing import Any

_WEBHOOK = {
    "id": 3,
    "url": "https://hooks.shop.example/clarion",
    "description": "order system",
    "events": ["send.finished", "token.dropped"],
    "active": True,
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
    "failing_since": None,
    "disabled_at": None,
    "old_secret_until": None,
    "waiting": 0,
    "dropped": 0,
    "alerts": [],
}
_MESSAGE = {
    "id": 811,
    "event_id": "3f0e2d57-1f0a-4c3e-9a55-6f6b2d0c9f11",
    "event": "send.finished",
    "object": "send:900",
    "data": {
        "send_id": 900,
        "scheduler_id": 71,
        "test": False,
        "state": "complete",
        "sent": 9600,
        "failed": 400,
        "skipped": 0,
        "cancelled": 0,
    },
    "state": "delivered",
    "attempts": 1,
    "created_at": "2026-03-01T12:00:09Z",
    "next_attempt_at": None,
    "settled_at": "2026-03-01T12:00:09.4Z",
    "last_attempt_at": "2026-03-01T12:00:09.3Z",
    "last_status": 204,
    "last_error": None,
    "last_duration_ms": 41,
}

WEBHOOK_REQUESTS: Mapping[str, Any] = {
    "webhooks_create": {
        "url": "https://hooks.shop.example/clarion",
        "events": ["send.finished", "token.dropped"],
        "description": "order system",
    },
    "webhooks_update": {"active": False},
    "webhooks_redeliver": {"state": "failed"},
    "comparisons_set_comparison": {
        "pushes": [{"id": 31, "share": 50}, {"id": 32, "share": 50}],
        "winner": {"sample_percent": 20, "after_minutes": 120, "minimum_delivered": 500},
    },
}
"""Operation → a body that it takes."""

WEBHOOK_RESPONSES: Mapping[str, Any] = {
    "webhooks_create": {"id": 3, "secret": "whsec_…"},
    "webhooks_list_webhooks": [_WEBHOOK],
    "webhooks_show": _WEBHOOK,
    "webhooks_rotate_secret": {"secret": "whsec_…"},
    "webhooks_ping": {"delivery_id": 812},
    "webhooks_list_deliveries": {"deliveries": [_MESSAGE], "next_cursor": "811"},
    "webhooks_redeliver": {"queued": 14},
    "audit_read_audit": {
        "entries": [
            {
                "id": 4711,
                "at": "2026-03-01T12:00:00Z",
                "actor": "key:5f1d7a84c0ffee00",
                "action": "scheduler.cancel",
                "object": "scheduler:71",
                "detail": {},
            }
        ],
        "next_cursor": "4711",
    },
}
"""Operation → what it answers when it succeeds."""
