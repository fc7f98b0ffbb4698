"""Pushes: content in one or more languages.

Owns tables `push` and `push_translation`, and which scheduler a push is bound to (at most one).
"""

from clarion.features.pushes.content import LargestSize, SizeWarning
from clarion.features.pushes.model import (
    BoundTo,
    PushBody,
    PushContent,
    PushCreated,
    PushLine,
    PushReplaced,
    PushView,
    TranslationBody,
    TranslationRef,
    TranslationView,
)
from clarion.features.pushes.service import PushService

__all__ = [
    "BoundTo",
    "LargestSize",
    "PushBody",
    "PushContent",
    "PushCreated",
    "PushLine",
    "PushReplaced",
    "PushService",
    "PushView",
    "SizeWarning",
    "TranslationBody",
    "TranslationRef",
    "TranslationView",
]
