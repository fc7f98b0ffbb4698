"""Reading uploaded keys: how many may wait."""

import asyncio

import pytest

from clarion.features.apps import keyreader
from clarion.features.apps.keyreader import WAITING_LIMIT, KeyReader
from clarion.foundation.errors import InvalidInput, Unavailable

pytestmark = pytest.mark.anyio


async def test_a_flood_of_uploads_is_refused_and_the_next_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    released = asyncio.Event()

    async def slow(order: bytes) -> bytes:
        await released.wait()
        return b'{"fault": "is slow"}'

    monkeypatch.setattr(keyreader, "_run", slow)
    reader = KeyReader()
    waiting = [asyncio.create_task(reader.rsa_key("x", field="f")) for _ in range(WAITING_LIMIT)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refusal:
        await reader.rsa_key("x", field="f")
    assert refusal.value.retry_after > 0
    released.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(outcome, InvalidInput) for outcome in outcomes)
    with pytest.raises(InvalidInput, match="is slow"):
        await reader.rsa_key("x", field="f")
