"""Rules of keys, e-mail addresses, names and passwords."""

import pytest

from clarion.features.accounts.model import (
    checked_email,
    checked_name,
    checked_password,
    new_key,
    new_password,
    parse_key,
)
from clarion.foundation.errors import InvalidInput


def test_a_key_survives_its_text_form_and_proves_itself_only() -> None:
    key, other = new_key(), new_key()
    assert parse_key(key.text) == key
    assert key.text.startswith("clk_")
    assert key.proves(key.digest)
    assert not key.proves(other.digest)
    assert key.secret not in repr(key)


@pytest.mark.parametrize("text", ["", "clk_", "clk_a_b", "CLK_" + "0" * 16 + "_" + "0" * 48, "clk_" + "0" * 65])
def test_what_is_no_key_is_not_parsed(text: str) -> None:
    assert parse_key(text) is None
    key = new_key()
    for near in (key.text + "0", key.text[:-1], key.text.upper(), key.text + "\n", key.text.replace("_", "-")):
        assert parse_key(near) is None


@pytest.mark.parametrize("email", ["a@b", "name@example.com", " name@example.com ", "näme@exämple.com"])
def test_an_address_is_accepted(email: str) -> None:
    assert checked_email(email) == email.strip()


def test_equal_looking_addresses_are_unified() -> None:
    assert checked_email("na\u0308me@example.com") == checked_email("n\u00e4me@example.com")


@pytest.mark.parametrize(
    "email",
    ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\nc", "a\u200b@b.com", "a\u202e@b.com", "a@" + "b" * 190, "a\0@b"],
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(InvalidInput, match="email"):
        checked_email(email)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1bb", "x" * 201, "a\u2028b", "\ud800"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="title"):
        checked_name(name, "title")


@pytest.mark.parametrize("name", ["Weather PT", "погода", "👩\u200d💻", "x" * 200])
def test_a_printable_name_is_accepted(name: str) -> None:
    assert checked_name(f" {name} ") == name


def test_passwords_have_from_12_to_1024_characters() -> None:
    for length in (12, 1024):
        assert checked_password("x" * length)
    for length in (0, 11, 1025):
        with pytest.raises(InvalidInput, match="from 12 to 1024"):
            checked_password("x" * length)
    assert checked_password(new_password())
