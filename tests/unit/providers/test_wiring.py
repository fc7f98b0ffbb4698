"""What of the operator's settings reaches the providers."""

from clarion.foundation.clock import SystemClock
from clarion.providers.apns.auth import LocalJwtStore
from clarion.providers.http2 import Http2Transport
from clarion.providers.wiring import outside
from clarion.settings import read_settings


def test_batches_and_breakers_are_the_operators() -> None:
    settings = read_settings(
        {"CLARION_ONESIGNAL_BATCH": "500", "CLARION_HUAWEI_BATCH": "7", "CLARION_BREAKER_PERCENT": "80"}
    )
    made = outside(settings, SystemClock(), LocalJwtStore(), engine=Http2Transport())
    assert made.onesignal.recipients == 500
    assert made.huawei.recipients == 7
    assert made.webpush.breaker_share == 0.8


def test_without_settings_batches_are_those_of_the_reference() -> None:
    made = outside(read_settings({}), SystemClock(), LocalJwtStore(), engine=Http2Transport())
    assert (made.onesignal.recipients, made.huawei.recipients, made.webpush.breaker_share) == (2000, 100, 0.5)
