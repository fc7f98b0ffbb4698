"""Provider tokens: their form, and who uses which one for how long."""

import asyncio
import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.unit.providers.apns.token_keys import private_key, token_key

from clarion.foundation.errors import Unavailable
from clarion.providers.apns.auth import LocalJwtStore, ProviderToken, TokenSource, cache_key, sign
from clarion.providers.apns.credential import TokenKey
from clarion.providers.apns.settings import Environment
from clarion.providers.contract import CredentialRefused, Outcome

pytestmark = pytest.mark.anyio

START = datetime(2026, 11, 22, 12, 0, 0, 700_000, UTC)


@dataclass
class TestClock:
    """Stands still until it is moved."""

    __test__ = False
    passed: timedelta = timedelta()

    def now(self) -> datetime:
        return START + self.passed

    def monotonic(self) -> float:
        return self.passed.total_seconds()


class FailingStore(LocalJwtStore):
    """A store that can be switched off."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.calls = 0

    async def agree(self, key: bytes, offer: ProviderToken, *, after: datetime) -> ProviderToken:
        self.calls += 1
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("the database cannot be reached")
        return await super().agree(key, offer, after=after)


def source(clock: TestClock, store: LocalJwtStore) -> TokenSource:
    return TokenSource(token_key(), Environment.PRODUCTION, store=store, clock=clock)


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_token_is_es256_with_a_raw_signature_of_64_bytes() -> None:
    token = sign(token_key(), START)
    head, claims, signature = token.text.split(".")
    assert json.loads(decoded(head)) == {"alg": "ES256", "kid": "KEY4567890"}
    assert json.loads(decoded(claims)) == {"iss": "TEAM567890", "iat": int(START.timestamp())}
    raw = decoded(signature)
    assert len(raw) == 64
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    private_key().public_key().verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    assert "=" not in token.text


def test_short_numbers_of_a_signature_are_padded() -> None:
    assert {len(decoded(sign(token_key(), START).text.rpartition(".")[2])) for _ in range(300)} == {64}


def test_the_issue_time_is_what_the_token_says() -> None:
    assert sign(token_key(), START).issued_at == START.replace(microsecond=0)


def test_a_token_does_not_show_itself() -> None:
    token = sign(token_key(), START)
    assert token.text not in repr(token)


def test_tokens_are_shared_by_key_team_key_id_and_environment() -> None:
    other_key = TokenKey("TEAM567890", "KEY4567890", ec.generate_private_key(ec.SECP256R1()))
    keys = {
        cache_key(token_key(), Environment.PRODUCTION),
        cache_key(token_key(), Environment.SANDBOX),
        cache_key(token_key(team_id="X" * 10), Environment.PRODUCTION),
        cache_key(token_key(key_id="X" * 10), Environment.PRODUCTION),
        cache_key(other_key, Environment.PRODUCTION),
    }
    assert len(keys) == 5
    assert cache_key(token_key(), Environment.PRODUCTION) in keys


async def test_one_store_gives_all_the_same_token_though_each_signs_its_own() -> None:
    store, clock = LocalJwtStore(), TestClock()
    tokens = [await source(clock, store).fetch() for _ in range(4)]
    assert len({token.text for token in tokens}) == 1


async def test_all_who_wait_at_once_ask_the_store_once() -> None:
    store, clock = FailingStore(), TestClock()
    one = source(clock, store)
    tokens = await asyncio.gather(*(one.fetch() for _ in range(50)))
    assert store.calls == 1
    assert len({token.text for token in tokens}) == 1


async def test_a_token_serves_45_minutes_then_the_next_one_is_shared_too() -> None:
    store, clock = LocalJwtStore(), TestClock()
    first, second = source(clock, store), source(clock, store)
    begun = await first.fetch()
    await second.fetch()
    clock.passed = timedelta(minutes=44)
    assert first.current() is begun
    clock.passed = timedelta(minutes=45, seconds=1)
    assert first.current() is None
    renewed = await first.fetch()
    assert renewed.text != begun.text
    assert (await second.fetch()).text == renewed.text


async def test_a_restart_takes_up_the_stored_token() -> None:
    store, clock = LocalJwtStore(), TestClock()
    begun = await source(clock, store).fetch()
    clock.passed = timedelta(minutes=19)
    assert (await source(clock, store).fetch()).text == begun.text


async def test_an_old_token_that_is_refused_is_replaced_once() -> None:
    store, clock = LocalJwtStore(), TestClock()
    first, second = source(clock, store), source(clock, store)
    begun = await first.fetch()
    await second.fetch()
    clock.passed = timedelta(minutes=21)
    first.refuse(begun)
    renewed = await first.fetch()
    second.refuse(begun)
    assert renewed.text != begun.text
    assert (await second.fetch()).text == renewed.text


async def test_a_young_token_is_kept_whatever_apple_says() -> None:
    store, clock = LocalJwtStore(), TestClock()
    one = source(clock, store)
    begun = await one.fetch()
    clock.passed = timedelta(minutes=19)
    one.refuse(begun)
    assert one.current() is begun


async def test_refusing_an_earlier_token_does_nothing() -> None:
    store, clock = LocalJwtStore(), TestClock()
    one = source(clock, store)
    begun = await one.fetch()
    clock.passed = timedelta(minutes=46)
    renewed = await one.fetch()
    clock.passed = timedelta(minutes=70)
    one.refuse(begun)
    assert one.current() is renewed


async def test_a_token_from_the_future_counts_as_none() -> None:
    store, clock = LocalJwtStore(), TestClock(passed=timedelta(hours=1))
    ahead = await source(clock, store).fetch()
    clock.passed = timedelta()
    assert (await source(clock, store).fetch()).text != ahead.text


async def test_a_clock_that_is_set_back_does_not_keep_a_token_for_ever() -> None:
    store, clock = LocalJwtStore(), TestClock(passed=timedelta(hours=1))
    one = source(clock, store)
    await one.fetch()
    clock.passed = timedelta()
    assert one.current() is None


async def test_without_the_store_a_token_is_used_up_to_its_end() -> None:
    store, clock = FailingStore(), TestClock()
    one = source(clock, store)
    begun = await one.fetch()
    store.down = True
    clock.passed = timedelta(minutes=59)
    assert await one.fetch() is begun
    clock.passed = timedelta(minutes=61)
    with pytest.raises(CredentialRefused) as caught:
        await one.fetch()
    assert (caught.value.verdict.outcome, caught.value.verdict.code) == (Outcome.TRANSIENT, "token_store")


async def test_without_the_store_no_first_token_is_made() -> None:
    store = FailingStore()
    store.down = True
    with pytest.raises(CredentialRefused):
        await source(TestClock(), store).fetch()
