"""What devices tell, as columns (sdk-api.md §3)."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.features.devices.arrays import bytes_array, plain_array, text_array
from clarion.features.devices.claims import Claim, Identity, changes_session, changes_token
from clarion.features.devices.model import (
    DeviceKey,
    Info,
    Token,
    TokenState,
    audiences_of,
    count_of,
    country_of,
    language_of,
    merge,
    moment_of,
    offset_of,
    seconds_of,
    tag_columns,
    tags_of,
    zone_of,
)

NUMBERS = st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.lists(st.integers()))


@pytest.mark.parametrize(
    ("told", "stored"),
    [
        ("pt", "PT"),
        ("BR", "BR"),
        ("", None),
        ("Unknown", None),
        (None, None),
        ("p1", None),
        ("ßß", None),
        ("DEU", None),
    ],
)
def test_countries(told: str | None, stored: str | None) -> None:
    assert country_of(told) == stored


@pytest.mark.parametrize(
    ("told", "stored"),
    [
        ("en", "en"),
        ("pt-BR", "pt"),
        ("ZH_Hans_CN", "zh"),
        ("", None),
        ("e", None),
        (None, None),
        ("en-", None),
        ("123", None),
        ("en-" + "a" * 40, None),
    ],
)
def test_languages(told: str | None, stored: str | None) -> None:
    assert language_of(told) == stored


@given(st.text())
def test_stored_countries_and_languages_are_always_fit_for_filters(told: str) -> None:
    country, language = country_of(told), language_of(told)
    assert country is None or (len(country) == 2 and country.isascii() and country.isupper())
    assert language is None or (2 <= len(language) <= 8 and language.isascii() and language.islower())


@pytest.mark.parametrize(
    ("told", "stored"),
    [(0, 0), (-43200, -43200), (50400, 50400), (50401, None), (3600.0, 3600), (3600.5, None), ("3600", None)],
)
def test_offsets(told: object, stored: int | None) -> None:
    """TM-5."""
    assert offset_of(told) == stored


@given(NUMBERS)
def test_numbers_always_fit_their_columns(told: object) -> None:
    for number, low, high in (
        (offset_of(told), -50_400, 50_400),
        (count_of(told), 0, 2**31 - 1),
        (seconds_of(told), 0, 2**63 - 1),
        (moment_of(told), 0, 2**63 - 1),
    ):
        assert number is None or (type(number) is int and low <= number <= high)


@pytest.mark.parametrize(
    ("told", "stored"),
    [("Europe/Lisbon", "Europe/Lisbon"), ("UTC", "UTC"), ("europe/lisbon", None), ("../etc/passwd", None), ("", None)],
)
def test_zones(told: str, stored: str | None) -> None:
    assert zone_of(told) == stored


@pytest.mark.parametrize(
    ("told", "stored"),
    [
        ({"segment": "", "webmaster": ""}, {}),
        ({"adID": "1"}, {"ad_id": "1"}),
        ({"adID": "1", "ad_id": "2"}, {"ad_id": "2"}),
        ({"segment": "vip"}, {"audiences": "vip"}),
        ({"segment": "vip", "audiences": "new"}, {"audiences": "new"}),
        ({"segment": "vip", "audiences": ""}, {"audiences": "vip"}),
        ({"own": "x"}, {"own": "x"}),
    ],
)
def test_tags(told: dict[str, str], stored: dict[str, str]) -> None:
    """§3.1: empty is not set; synonyms stand under their name."""
    assert tags_of(told) == stored


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        ("", []),
        ("offer1234", ["offer1234"]),
        ("gender:F,age:>=21", ["age:>=21", "gender:F", "gender:F,age:>=21"]),
        ("a, b,,", ["a", "a, b,,", "b"]),
    ],
)
def test_audiences_are_the_raw_text_and_its_parts(raw: str, values: list[str]) -> None:
    assert audiences_of({"audiences": raw}) == values


def test_no_tags_told_changes_nothing_and_empty_tags_clear() -> None:
    assert tag_columns(None) == (None, None)
    assert tag_columns({}) == ("{}", "{}")


def _info(**fields: object) -> Info:
    return Info(**{"transport": "fcm", "platform": "android", **fields})  # type: ignore[arg-type]


def test_merging_keeps_what_the_later_call_does_not_tell() -> None:
    merged = merge(_info(country="PT", lang="pt", onscreen_count=1), _info(country="BR", tz_sec=0))
    assert merged == _info(country="BR", lang="pt", onscreen_count=1, tz_sec=0)


def test_a_transport_stays_with_its_token_when_calls_merge() -> None:
    first = _info(token=Token("t"))
    assert merge(first, _info(transport="apns")) == first
    assert merge(first, _info(transport="apns", token=Token("u"))).transport == "apns"


def _identity(*, state: TokenState, active: bool = True) -> Identity:
    return Identity(DeviceKey(1, 2), "u", active=active, token_hash=b"h", token_state=state)


def _claim(*, token_hash: bytes = b"h", state: TokenState = TokenState.VALID) -> Claim:
    return Claim(DeviceKey(1, 2), None, Token("t", state), token_hash)


@pytest.mark.parametrize(
    ("claim", "identity", "changes"),
    [
        (_claim(), _identity(state=TokenState.VALID), False),
        (_claim(), _identity(state=TokenState.INVALID), False),
        (_claim(), _identity(state=TokenState.SUPERSEDED), True),
        (_claim(), _identity(state=TokenState.SUPERSEDED, active=False), False),
        (_claim(), _identity(state=TokenState.UNUSABLE), True),
        (_claim(state=TokenState.UNUSABLE), _identity(state=TokenState.VALID), True),
        (_claim(token_hash=b"new"), _identity(state=TokenState.INVALID), True),
        (Claim(DeviceKey(1, 2), None, None, None), _identity(state=TokenState.VALID), False),
    ],
)
def test_when_a_token_changes(claim: Claim, identity: Identity, changes: bool) -> None:
    assert changes_token(claim, identity) is changes


@pytest.mark.parametrize(("ext_id", "changes"), [(None, False), ("u", False), ("v", True)])
def test_when_a_session_changes(ext_id: str | None, changes: bool) -> None:
    claim = Claim(DeviceKey(1, 2), ext_id, None, None)
    assert changes_session(claim, _identity(state=TokenState.VALID)) is changes


@given(st.lists(st.one_of(st.none(), st.integers(), st.booleans())))
def test_plain_arrays_hold_their_values(values: list[int | None]) -> None:
    text = plain_array(values)
    assert text[0] + text[-1] == "{}"
    assert ast.literal_eval(f"[{text[1:-1].replace('NULL', 'None')}]") == values


def test_arrays_of_text_and_bytes_escape_what_would_end_a_value() -> None:
    assert text_array(['a"b', "c\\d", "e,{}", "NULL", None, ""]) == '{"a\\"b","c\\\\d","e,{}","NULL",NULL,""}'
    assert bytes_array([b"\x00\xff", None]) == '{"\\\\x00ff",NULL}'
