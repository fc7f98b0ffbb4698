"""The mass guard (providers.md §1.4): a configuration mistake must not invalidate a whole base of tokens. Pure.

Guarded codes are those which a wrong environment, project or key produces for every device. When they dominate, tokens
are not invalidated but marked as suspects, which the owner confirms or dismisses.
"""

from dataclasses import dataclass

LEAST_RESULTS = 100


@dataclass(frozen=True, slots=True)
class Shares:
    """Parts of a credential's results that are too many guarded drops."""

    trip: float = 0.3
    """More than this: tokens are held back as suspects."""
    pause: float = 0.9
    """This or more: the credential is paused, too."""


USUAL = Shares()


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


def judge(window: Window, shares: Shares = USUAL) -> Ruling:
    """Rule on a batch that contains guarded drops."""
    if window.results < LEAST_RESULTS:
        return Ruling(suspects_only=window.tripped or window.seen < LEAST_RESULTS, trip=False, pause=False)
    share = window.guarded / window.results
    exceeded = share > shares.trip
    return Ruling(
        suspects_only=exceeded or window.tripped or window.seen < LEAST_RESULTS,
        trip=exceeded and not window.tripped,
        pause=share >= shares.pause,
    )
