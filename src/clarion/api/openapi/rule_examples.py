"""Examples of the OpenAPI document for rules, by operation."""

from collections.abc import Mapping
from typing import Any

_ACCOUNT = {
    "quiet_hours": {"from": "22:00", "to": "08:00"},
    "caps": [{"max": 3, "hours": 24, "by": "user", "then": "defer"}],
    "gap": {"minutes": 30, "by": "device", "then": "skip"},
    "too_late_minutes": 720,
}
_APP = {
    "pace": {"messages": 200, "per": "second", "ramp": {"start": 20, "minutes": 10}},
    "quiet_hours": None,
}

RULE_REQUESTS: Mapping[str, Any] = {"rules_replace_rules": _ACCOUNT, "rules_replace_app_rules": _APP}
RULE_RESPONSES: Mapping[str, Any] = {"rules_show_rules": _ACCOUNT, "rules_show_app_rules": _APP}
