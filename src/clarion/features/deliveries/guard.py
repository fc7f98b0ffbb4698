"""The mass guard (providers.md §1.4): a configuration mistake must not invalidate a whole base of tokens. Pure.

Guarded codes are those which a wrong environment, project or key produces for every device. When they dominate, tokens
are not invalidated but marked as suspects, which the owner confirms or dismisses.
"""

from dataclasses import dataclass

LEAST_RESULTS = 100
TRIP_SHARE = 0.3
PAUSE_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Window:
    """What is known of one credential, the present batch included."""

    results: int
    """Answers within the last ten minutes."""
    guarded: int
    """Guarded drops among them."""
    seen: int
    """Answers since the credential was made or replaced."""
    tripped: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """What to do with the batch's guarded drops, and with the credential."""

    suspects_only: bool
    trip: bool
    pause: bool


def judge(window: Window) -> Ruling:
    """Rule on a batch that contains guarded drops."""
    if window.results < LEAST_RESULTS:
        return Ruling(suspects_only=window.tripped or window.seen < LEAST_RESULTS, trip=False, pause=False)
    share = window.guarded / window.results
    exceeded = share > TRIP_SHARE
    return Ruling(
        suspects_only=exceeded or window.tripped or window.seen < LEAST_RESULTS,
        trip=exceeded and not window.tripped,
        pause=share >= PAUSE_SHARE,
    )
