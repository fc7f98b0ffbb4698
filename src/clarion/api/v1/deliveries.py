"""How a delivery is answered."""

from datetime import datetime
from typing import Any

import msgspec

from clarion.features.deliveries.seen import Delivery, StateWord


class DeliveryView(msgspec.Struct, frozen=True):
    """One message to one device and what became of it."""

    send_id: int
    device_id: str
    app_id: int
    push_id: int
    language: str
    """Of the translation that was sent."""
    country: str
    platform: str
    provider: str
    state: StateWord
    reason: str | None
    """Why it failed (`token`, `message`, `internal`, `expired`), which rule skipped it (`frequency`, `gap`, `too_late`)
    or holds it back (`quiet_hours`, `frequency`, `gap`, `pacing`)."""
    code: str | None
    """The provider's own code, or ours."""
    provider_id: str | None
    attempt: int
    may_be_sent: bool
    """An earlier attempt had no clear outcome, so the device may have got it."""
    created_at: datetime
    next_attempt_at: datetime | None
    settled_at: datetime | None
    delivered_at: datetime | None
    clicked_at: datetime | None


def delivery_fields(delivery: Delivery) -> dict[str, Any]:
    """The fields of `DeliveryView`."""
    return {
        "send_id": delivery.send_id,
        "device_id": str(delivery.device_id),
        "app_id": delivery.app_id,
        "push_id": delivery.push_id,
        "language": delivery.lang,
        "country": delivery.country,
        "platform": delivery.platform,
        "provider": delivery.provider,
        "state": delivery.state_word,
        "reason": delivery.reason,
        "code": delivery.code,
        "provider_id": delivery.provider_id,
        "attempt": delivery.attempt,
        "may_be_sent": delivery.may_be_sent,
        "created_at": delivery.created_at,
        "next_attempt_at": delivery.next_attempt_at,
        "settled_at": delivery.settled_at,
        "delivered_at": delivery.delivered_at,
        "clicked_at": delivery.clicked_at,
    }
