"""Examples of the OpenAPI document for schedulers, by operation."""

from collections.abc import Mapping
from typing import Any

_FILTER = {"app_ids_include": [501], "countries_include": ["PT", "BR"], "event_include": ["reg"]}
_PUSH = {
    "default_lang": "en",
    "translations": [
        {"language": "en", "title": "Good morning", "text": "It is going to rain"},
        {"language": "pt", "title": "Bom dia", "text": "Vai chover"},
    ],
}
_RULES = {"pace": {"messages": 500, "per": "second", "ramp": None}, "too_late_minutes": 120}
_NEW = {
    "type": "onesend",
    "name": "Rain",
    "filter": _FILTER,
    "date": "2026-03-01",
    "time": "09:00",
    "local_time": True,
    "late": "next_day",
    "rules": _RULES,
    "pushes": [_PUSH],
}
SCHEDULER: Mapping[str, Any] = {
    "id": 71,
    "type": "onesend",
    "name": "Rain",
    "source": "api",
    "state": "active",
    "timing": {"date": "2026-03-01", "time": "09:00", "timezone": None},
    "local_time": True,
    "filter": _FILTER,
    "push_ids": [31],
    "next_due_at": "2026-02-28T19:00:00Z",
    "created_at": "2026-02-27T08:15:00Z",
    "updated_at": "2026-02-27T08:15:00Z",
    "version": 1,
    "late": "next_day",
    "rules": _RULES,
}
_WEEKLY = {
    "name": "Twice a day",
    "days": [1, 3, 5],
    "times": ["09:00", "18:30"],
    "local_time": True,
    "first_date": "2026-03-02",
    "last_date": "2026-05-29",
    **_FILTER,
}
_TIMELINE = {
    "devices": 10_050,
    "exact": False,
    "moments": [
        {
            "local": "2026-03-01T09:00",
            "due_at": "2026-03-01T09:00:00Z",
            "zones": ["Europe/Lisbon", "0"],
            "devices": 9_000,
            "first_at": "2026-03-01T09:00:00Z",
            "last_at": "2026-03-01T09:00:17.998Z",
            "skipped": 0,
        },
        {
            "local": "2026-03-01T09:00",
            "due_at": "2026-03-01T12:00:00Z",
            "zones": ["America/Sao_Paulo"],
            "devices": 1_050,
            "first_at": "2026-03-01T12:00:00Z",
            "last_at": "2026-03-01T12:00:02.098Z",
            "skipped": 0,
        },
    ],
    "started": [],
    "finished_at": "2026-03-01T12:00:02.098Z",
    "until": "2026-03-07T19:00:00Z",
    "capped_now": 0,
}

SCHEDULER_REQUESTS: Mapping[str, Any] = {
    "apps_set_default_zone": {"zone": "Europe/Lisbon"},
    "schedulers_create_weekly": _WEEKLY,
    "schedulers_create": _NEW,
    "schedulers_replace": {
        "name": "Rain",
        "filter": _FILTER,
        "date": "2026-03-01",
        "time": "10:00",
        "local_time": True,
        "version": 1,
    },
    "schedulers_change": {"time": "10:00", "version": 1},
    "schedulers_duplicate": {"name": "Rain again"},
    "schedulers_dry_run": _NEW,
    "schedulers_preview": _NEW,
    "schedulers_send_test": {"external_ids": ["user-1"], "push_id": 31},
}
"""Operation → a body that it takes."""

SCHEDULER_RESPONSES: Mapping[str, Any] = {
    "apps_show_default_zone": {"zone": "Europe/Lisbon"},
    "schedulers_create_weekly": {"id": 74},
    "schedulers_list_schedulers": {"schedulers": [SCHEDULER], "next_cursor": None},
    "schedulers_show": SCHEDULER,
    "schedulers_create": SCHEDULER,
    "schedulers_replace": SCHEDULER,
    "schedulers_change": SCHEDULER,
    "schedulers_duplicate": {**SCHEDULER, "id": 75, "state": "draft", "next_due_at": None},
    "schedulers_cancel": {"saved": 9_100, "sends": 1},
    "schedulers_dry_run": {
        "devices": 10_050,
        "exact": False,
        "by_app": [{"app_id": 501, "devices": 10_050}],
        "next_due_at": "2026-02-28T19:00:00Z",
    },
    "schedulers_preview": _TIMELINE,
    "schedulers_timeline": _TIMELINE,
    "schedulers_send_test": {"send_id": 901, "devices": 2},
}
"""Operation → the body of its answer."""
