"""What providers say is stored without identifiers, in one short line."""

import pytest

from clarion.providers.redaction import redact, redact_body

TOKENS = [
    "dQw4w9WgXcQ:APA91bH" + "x1_-" * 30,
    "0f" * 32,
    "eyJhbGciOiJSUzI1NiJ9" + "Ab1" * 10,
    "3f2c9a58-2c4d-4b7e-9d52-aa01b2c3d4e5",
]


@pytest.mark.parametrize("token", TOKENS)
def test_long_opaque_values_disappear(token: str) -> None:
    assert redact(f"the token '{token}' is bad") == "the token '[redacted]' is bad"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Basic", "Key", "vapid"])
def test_credentials_of_a_header_disappear(scheme: str) -> None:
    assert redact(f"{scheme} abcdefghijklmnop.q refused") == f"{scheme} [redacted] refused"


def test_addresses_keep_only_their_host() -> None:
    assert redact("see https://push.example/v1/secret?x=1 there") == "see https://push.example/… there"


@pytest.mark.parametrize(
    "text",
    [
        "Requested entity was not found.",
        "API key not valid",
        "Permission 'cloudmessaging.messages.create' denied on resource 'projects/my-project-1234567890'",
        "Неверный запрос",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redact(text) == text


def test_result_is_one_short_line_without_control_characters() -> None:
    assert redact("a\x00b\r\n\tc\u2028d \ud800e") == "a b c d e"
    assert len(redact("wort " * 5000)) <= 512


def test_a_token_at_the_cut_disappears_too() -> None:
    assert redact_body(b"z " * 250 + b"x1" * 100) == "z " * 250 + "[redacted]"


def test_any_body_can_be_shown() -> None:
    assert redact_body(b"\xff\xfe<html>\x00</html>" + b"z " * 9000).startswith("\ufffd\ufffd<html> </html>z z")
    assert redact_body(b"") == ""
