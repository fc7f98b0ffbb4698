"""Apple's `aps` dictionary, sent by ourselves and through FCM (providers.md §3.5). Pure."""

from typing import Any

from clarion.providers.contract import Content
from clarion.providers.options import IosOptions

SILENT: dict[str, Any] = {"content-available": 1}
"""All that a background notification may contain."""


def alert(content: Content) -> dict[str, str]:
    """The words that iOS shows."""
    words = {"title": content.title, "body": content.text}
    subtitle = content.options.ios.subtitle
    return words | {"subtitle": subtitle} if subtitle else words


def manner(ios: IosOptions) -> dict[str, Any]:
    """How iOS shows them; only what is set.

    Apple fetches no pictures: `mutable-content` lets the app's extension do it, which reads `px.image`.
    """
    told = {
        "sound": "default" if ios.sound is None else ios.sound or None,
        "mutable-content": 1,
        "badge": ios.badge,
        "thread-id": ios.thread_id or None,
        "category": ios.category or None,
        "interruption-level": ios.interruption_level,
        "relevance-score": ios.relevance_score,
    }
    return {name: value for name, value in told.items() if value is not None}
