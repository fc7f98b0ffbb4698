"""How counts are answered, for a send and in the statistics."""

import msgspec

from clarion.features.statistics import Counts


class FailedByReason(msgspec.Struct, frozen=True):
    """Failures by what was at fault."""

    token: int
    """The device's token: gone, wrong or replaced."""
    message: int
    """The content."""
    internal: int
    """Our request."""
    expired: int
    """Nothing but time: it could not be sent before its end."""


class SkippedByReason(msgspec.Struct, frozen=True):
    """Messages that were left out, by the rule that said so."""

    frequency: int
    """One too many for a frequency cap."""
    gap: int
    """Too soon after another."""
    too_late: int
    """Held back beyond the cut-off."""


class CountsView(msgspec.Struct, frozen=True):
    """What happened to messages. Rates are null while there is nothing to divide by."""

    sent: int
    """Accepted by their provider."""
    failed: int
    failed_by_reason: FailedByReason
    cancelled: int
    skipped: int
    """Left out by rules."""
    skipped_by_reason: SkippedByReason
    delivered: int
    """Confirmed by the device, or clicked."""
    clicked: int
    delivery_rate: float | None
    """delivered / sent."""
    click_rate: float | None
    """clicked / delivered."""


def counts_view(counts: Counts) -> CountsView:
    """Counts as answered."""
    return CountsView(
        sent=counts.sent,
        failed=counts.failed,
        failed_by_reason=FailedByReason(
            token=counts.failed_token,
            message=counts.failed_message,
            internal=counts.failed_internal,
            expired=counts.failed_expired,
        ),
        cancelled=counts.cancelled,
        skipped=counts.skipped,
        skipped_by_reason=SkippedByReason(
            frequency=counts.skipped_frequency, gap=counts.skipped_gap, too_late=counts.skipped_too_late
        ),
        delivered=counts.delivered,
        clicked=counts.clicked,
        delivery_rate=counts.delivery_rate,
        click_rate=counts.click_rate,
    )
