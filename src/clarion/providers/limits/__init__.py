"""What protects a provider, and us, from too much: rate, breaker, retry budget (providers.md §1.2, §2.5).

All pure: the caller passes the monotonic time, and works in batches; nothing is kept per message.
"""

from clarion.providers.limits.breaker import FAILURES, Breaker
from clarion.providers.limits.budget import RetryBudget
from clarion.providers.limits.rate import RateLimiter

__all__ = ["FAILURES", "Breaker", "RateLimiter", "RetryBudget"]
