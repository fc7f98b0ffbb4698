"""The question to FCM: a message to a made-up token that it shall only validate (providers.md §2.1)."""

import json

from clarion.providers.checking import Words

WORDS = Words("Google", "Google accepts the service account for this project")
QUESTION = json.dumps(
    {"validate_only": True, "message": {"token": "clarion-check:not-a-token", "data": {"check": "1"}}}
).encode()
"""A working credential gets 400 about the token."""
