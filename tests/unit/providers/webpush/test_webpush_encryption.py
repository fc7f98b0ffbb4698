"""Encryption of messages: RFC 8291's own example, fresh keys, sizes, and the process that does it."""

import asyncio
import base64
import contextlib
import io
import os
import time

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clarion.providers.webpush.encryption import PLAINTEXT_LIMIT, Plain, encrypt, encrypt_with
from clarion.providers.webpush.sealing import ProcessSealer, SealingFailed
from clarion.providers.webpush.sealing_process import serve

pytestmark = pytest.mark.anyio

# RFC 8291 §5.
READER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SENDER_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def a_message(text: bytes = b"hello") -> Plain:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return Plain(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint), os.urandom(16), text)


def test_the_example_of_the_standard_comes_out_byte_for_byte() -> None:
    key = ec.derive_private_key(int.from_bytes(raw(SENDER_PRIVATE), "big"), ec.SECP256R1())
    message = Plain(raw(READER), raw(AUTH), b"When I grow up, I want to be a watermelon")
    assert encrypt_with(message, key=key, salt=raw(SALT)) == raw(BODY)


def test_every_message_has_a_key_and_a_salt_of_its_own() -> None:
    message = a_message()
    bodies = [encrypt(message) for _ in range(20)]
    assert len({body[:16] for body in bodies}) == len({body[21:86] for body in bodies}) == 20


def test_the_longest_message_fills_the_body_and_one_byte_more_is_refused() -> None:
    assert len(encrypt(a_message(b"x" * PLAINTEXT_LIMIT))) == 4096
    with pytest.raises(ValueError, match="3993"):
        encrypt(a_message(b"x" * (PLAINTEXT_LIMIT + 1)))


@pytest.mark.parametrize("point", [b"\x04" + b"\x01" * 64, b"\x02" + b"\x01" * 32, b""])
def test_a_reader_without_a_point_on_the_curve_is_refused(point: bytes) -> None:
    with pytest.raises(ValueError):
        encrypt(Plain(point, b"a" * 16, b"x"))


def test_the_process_answers_each_batch_in_order_until_its_input_ends() -> None:
    good, bad = a_message(), Plain(b"\x04" + b"\x01" * 64, b"a" * 16, b"x")
    source = io.BytesIO()
    for batch in ([good, bad], [good]):
        content = msgspec.msgpack.encode(batch)
        source.write(len(content).to_bytes(4, "big") + content)
    source.seek(0)
    target = io.BytesIO()
    serve(source, target)
    target.seek(0)
    sizes = []
    while head := target.read(4):
        bodies = msgspec.msgpack.decode(target.read(int.from_bytes(head, "big")), type=list[bytes])
        sizes.append([len(body) for body in bodies])
    assert sizes == [[108, 0], [108]]


def wait_for_end(pid: int | None) -> None:
    """Wait until a child process has ended and was taken notice of."""
    assert pid is not None
    deadline = time.monotonic() + 10
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.01)
        pytest.fail("the process lives on")


async def test_batches_are_encrypted_in_another_process_which_leaves_when_idle() -> None:
    sealer = ProcessSealer(idle_seconds=0.05)
    bodies = await sealer.seal([a_message(), a_message(b"longer text")])
    assert [len(body) for body in bodies] == [108, 114]
    await asyncio.to_thread(wait_for_end, sealer.pid)
    assert [len(body) for body in await sealer.seal([a_message()])] == [108]
    await sealer.aclose()


async def test_a_process_that_dies_at_work_fails_its_batches_and_is_replaced() -> None:
    sealer = ProcessSealer()
    await sealer.seal([a_message()])
    first = sealer.pid
    assert first is not None
    work = asyncio.gather(*(sealer.seal([a_message()] * 200) for _ in range(20)), return_exceptions=True)
    await asyncio.sleep(0)
    os.kill(first, 9)
    results = await asyncio.wait_for(work, 10)
    assert any(isinstance(result, SealingFailed) for result in results)
    assert all(isinstance(result, SealingFailed | list) for result in results)
    assert [len(body) for body in await sealer.seal([a_message()])] == [108]
    assert sealer.pid not in (None, first)
    await sealer.aclose()


async def test_the_process_ends_with_its_owner() -> None:
    sealer = ProcessSealer()
    await sealer.seal([a_message()])
    pid = sealer.pid
    await sealer.aclose()
    await asyncio.to_thread(wait_for_end, pid)
