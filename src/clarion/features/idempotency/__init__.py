"""Calls that may be repeated: what was answered to a creating call with an idempotency key, and whether one is running.

Owns table `idempotency_key`. Rules: reliability.md ID-5, docs/how-to/repeat-safely.md.
"""

from clarion.features.idempotency.model import KeyReused, StillRunning, StoredAnswer
from clarion.features.idempotency.service import Claim, IdempotencyService

__all__ = ["Claim", "IdempotencyService", "KeyReused", "StillRunning", "StoredAnswer"]
