"""How sure a measured rate is. Pure."""

import math
from dataclasses import dataclass

_Z = 1.959963984540054
"""Of the standard normal distribution: 95 % lie within."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % confidence interval: were the trial repeated many times, 95 of 100 such intervals would
    hold the true share.
    """

    value: float
    low: float
    high: float


def wilson(successes: int, trials: int) -> Rate | None:
    """The rate by Wilson's score interval, which is right for few trials and rates near 0 or 1, too; None without any
    trial. More successes than trials count as all of them.
    """
    if trials <= 0:
        return None
    share = min(max(successes, 0), trials) / trials
    scale = 1 + _Z**2 / trials
    centre = (share + _Z**2 / (2 * trials)) / scale
    reach = _Z / scale * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    return Rate(round(share, 6), round(max(0.0, centre - reach), 6), round(min(1.0, centre + reach), 6))
