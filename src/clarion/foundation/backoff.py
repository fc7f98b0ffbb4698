"""Waiting times between attempts (providers.md §1.2). Seconds throughout."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with jitter: `uniform(0.5, 1) · min(cap, base · 2^(n-1))`."""

    base: float = 10.0
    cap: float = 600.0

    def delay(self, attempt: int, *, floor: float = 0.0) -> float:
        """The wait before the attempt after number `attempt` (from 1); never below `floor`."""
        full = min(self.cap, self.base * 2.0 ** min(attempt - 1, 30))
        return max(floor, random.uniform(0.5, 1) * full)  # noqa: S311 - jitter, not a secret


def later(wait: float) -> float:
    """A provider's Retry-After with 0-20 % added, never subtracted, clamped to 1 s … 1 h."""
    return min(3600.0, max(1.0, wait)) * random.uniform(1.0, 1.2)  # noqa: S311 - jitter, not a secret
