"""One-time codes are those of RFC 6238, and each works once."""

import re
from datetime import UTC, datetime

import pytest

from clarion.features.accounts.totp import (
    as_text,
    code_at,
    matching_step,
    new_recovery_codes,
    new_secret,
    provisioning_uri,
    tidy_code,
)

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standards_appendix(seconds: int, code: str) -> None:
    """RFC 6238, appendix B, with the last six of eight digits."""
    assert code_at(SECRET, seconds // 30) == code


def test_a_code_counts_one_step_early_or_late_but_never_again() -> None:
    now = datetime.fromtimestamp(1111111109, UTC)
    step = 1111111109 // 30
    assert [matching_step(SECRET, code_at(SECRET, step + shift), now=now, after=0) for shift in (-2, -1, 0, 1, 2)] == [
        None,
        step - 1,
        step,
        step + 1,
        None,
    ]
    assert matching_step(SECRET, code_at(SECRET, step), now=now, after=step) is None
    assert matching_step(SECRET, code_at(SECRET, step - 1), now=now, after=step) is None
    assert matching_step(SECRET, "é", now=now, after=0) is None


def test_the_address_for_the_phone_names_everything() -> None:
    uri = provisioning_uri(SECRET, email="a b@example.com")
    assert uri.startswith("otpauth://totp/Clarion%3Aa%20b%40example.com?")
    assert f"secret={as_text(SECRET)}" in uri
    assert len(new_secret()) == 20


def test_recovery_codes_are_recognised_however_they_are_typed() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}", code) for code in codes)
    for typed in (codes[0], codes[0].upper(), f"  {codes[0].replace('-', ' ')} ", codes[0].replace("-", "")):
        assert tidy_code(typed) == codes[0]
    assert tidy_code(" 123 456 ") == "123456"
