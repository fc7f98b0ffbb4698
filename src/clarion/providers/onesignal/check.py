"""The question to OneSignal: a notification to a subscription that cannot exist (providers.md §6)."""

import json

from clarion.providers.checking import Words

WORDS = Words("OneSignal", "OneSignal accepts the API key for this app")
_NOBODY = "00000000-0000-0000-0000-000000000000"


def question(app_id: str) -> bytes:
    """The body for an app; a working key gets an error about the subscription."""
    fields = {"app_id": app_id, "include_subscription_ids": [_NOBODY], "contents": {"en": "check"}}
    return json.dumps(fields).encode()
