"""Webhooks: telling an account's own servers what happens, signed, repeatedly and in order.

Owns tables `webhook` and `webhook_message`. Others tell facts through `tell`, `tell_all` and `Listeners`. Rules:
reliability.md WH-1, WH-2, SS-9; docs/how-to/webhooks.md.
"""

from clarion.features.webhooks.model import EventType, Fact
from clarion.features.webhooks.outbox import Listeners, tell, tell_all

__all__ = ["EventType", "Fact", "Listeners", "tell", "tell_all"]
