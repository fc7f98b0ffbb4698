"""Apps, devices and networks in the address of a call."""

import asyncio
from datetime import UTC, datetime

import pytest

from clarion.api.r_v2.addresses import APP_TTL, AppDirectory, client_network, device_id
from clarion.foundation.errors import InvalidInput, NotFound, Unavailable

pytestmark = pytest.mark.anyio


class HandClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        """Not used here."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds."""
        return self.seconds


class Apps:
    """Accounts of apps; counts the look-ups, and fails when told to."""

    def __init__(self) -> None:
        self.lookups = 0
        self.accounts: dict[int, int] = {5: 12}
        self.is_reachable = True

    async def account_of(self, app_id: int) -> int | None:
        """The app's account."""
        self.lookups += 1
        await asyncio.sleep(0)
        if not self.is_reachable:
            raise Unavailable("the database is away")
        return self.accounts.get(app_id)


async def test_apps_are_looked_up_once_for_all_that_wait_and_again_after_a_while() -> None:
    apps, clock = Apps(), HandClock()
    directory = AppDirectory(apps.account_of, clock=clock)
    assert set(await asyncio.gather(*(directory.find("5-12") for _ in range(10)))) == {(5, 12)}
    assert apps.lookups == 1
    apps.accounts.clear()
    clock.seconds = APP_TTL + 0.1
    with pytest.raises(NotFound):
        await directory.find("5-12")


async def test_a_failed_look_up_is_not_remembered() -> None:
    apps = Apps()
    apps.is_reachable = False
    directory = AppDirectory(apps.account_of, clock=HandClock())
    with pytest.raises(Unavailable):
        await directory.find("5-12")
    apps.is_reachable = True
    assert await directory.find("5-12") == (5, 12)


async def test_a_caller_that_leaves_does_not_take_the_look_up_along() -> None:
    apps = Apps()
    directory = AppDirectory(apps.account_of, clock=HandClock())
    leaving = asyncio.ensure_future(directory.find("5-12"))
    staying = asyncio.ensure_future(directory.find("5-12"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == (5, 12)


@pytest.mark.parametrize("text", ["1", "58", "9223372036854775807", "007"])
def test_device_ids_are_decimal(text: str) -> None:
    assert device_id(text) == int(text)


def test_an_installation_token_may_stand_in_place_of_a_device_id() -> None:
    assert device_id("0D9c6b1e-7a35-4c58-9d2f-3b7a1c5e8f90") == "0D9c6b1e-7a35-4c58-9d2f-3b7a1c5e8f90"


@pytest.mark.parametrize("text", ["0", "-1", "+0", "9223372036854775808", "9" * 400])
def test_integers_that_no_device_can_have_are_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        device_id(text)


@pytest.mark.parametrize("text", ["", "x", "1.5", "٣", "0d9c6b1e7a354c589d2f3b7a1c5e8f90"])
def test_other_device_ids_are_unparsable(text: str) -> None:
    with pytest.raises(InvalidInput):
        device_id(text)


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("8.8.4.4", "8.8.8.8", "8.8.4.4"),
        ("2606:4700:1:2:3:4:5:6", None, "2606:4700:1:2::/64"),
        ("::ffff:8.8.4.4", None, "8.8.4.4"),
        ("127.0.0.1", "1.2.3.4, 8.8.8.8", "8.8.8.8"),
        ("10.0.0.3", "2606:4700::5", "2606:4700::/64"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", None, "127.0.0.1"),
        (None, "8.8.8.8", "8.8.8.8"),
        (None, None, "unknown"),
    ],
)
def test_the_network_of_a_client(peer: str | None, forwarded: str | None, network: str) -> None:
    """Only a reverse proxy on this machine or network is believed."""
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    assert client_network(peer, headers) == network
