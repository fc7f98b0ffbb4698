"""Every transport of the device API belongs to a provider, and only known providers open senders."""

import pytest

from clarion.foundation.clock import SystemClock
from clarion.providers.contract import Credential
from clarion.providers.http import HttpClient, HttpOptions, PyreqwestTransport
from clarion.providers.registry import SENDERS, TRANSPORTS, Outside, open_sender, transports_of

pytestmark = pytest.mark.anyio


def test_transports_of_the_device_api_have_a_provider() -> None:
    assert set(TRANSPORTS) == {"fcm", "fcm.data", "apns", "webpush", "onesignal", "huawei"}
    assert transports_of("fcm") == ["fcm", "fcm.data"]
    assert transports_of("apns") == ["apns"]
    assert transports_of("carrier pigeon") == []


def test_senders_are_of_providers_that_serve_a_transport() -> None:
    assert set(SENDERS) <= set(TRANSPORTS.values())


async def test_unknown_provider_is_an_error() -> None:
    http = HttpClient(HttpOptions())
    outside = Outside(transport=PyreqwestTransport(), http=http, clock=SystemClock())
    with pytest.raises(LookupError):
        open_sender(Credential(1, 1, "carrier pigeon", 1, "f", {}), outside=outside, sink=lambda answers: None)
    await http.aclose()
