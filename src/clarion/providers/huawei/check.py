"""The question to Huawei: a message to a made-up token that it shall only validate (providers.md §7)."""

import json

from clarion.providers.checking import Words

WORDS = Words("Huawei", "Huawei accepts app id and secret")
QUESTION = json.dumps(
    {"validate_only": True, "message": {"data": '{"check":"1"}', "token": ["clarion-check-not-a-token"]}}
).encode()
"""A working credential gets 80300007 about the token."""
