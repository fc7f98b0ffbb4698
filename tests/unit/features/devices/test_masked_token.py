"""How much of a push token its owner sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.features.devices.query import masked


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("", ""),
        ("abc", "…"),
        ("abcdefgh", "ab…"),
        ("0123456789abcdef", "01…"),
        ("dfLrxu0123456789CKl", "dfLrxu…CKl"),
    ],
)
def test_the_middle_is_hidden(token: str, shown: str) -> None:
    assert masked(token) == shown


@given(st.text("abc", min_size=1, max_size=60))
def test_most_of_a_token_never_shows(token: str) -> None:
    assert len(masked(token).replace("…", "")) <= max(len(token) // 2, 0) + 1
