"""Bodies and numbers: what passes, and the words for what does not."""

import json
import time
from typing import Annotated

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.api.decoding import decode, in_words, parse, whole_number
from clarion.foundation.errors import InvalidInput


class Inner(msgspec.Struct):
    """A nested object."""

    title: str
    size: Annotated[int, msgspec.Meta(ge=1)] = 1


class Outer(msgspec.Struct):
    """A body."""

    name: Annotated[str, msgspec.Meta(max_length=3)]
    items: list[Inner] = []
    flag: bool | None = None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "name is required"),
        ({"name": "abcd"}, "name must have at most 3 characters"),
        ({"name": "a", "items": [{}]}, "items[0].title is required"),
        ({"name": "a", "items": [{"title": "t"}, {"title": 1}]}, "items[1].title must be text, not a whole number"),
        ({"name": "a", "items": [{"title": "t", "size": 0}]}, "items[0].size must be at least 1"),
        (
            {"name": "a", "items": [{"title": "t", "size": True}]},
            "items[0].size must be a whole number, not true or false",
        ),
        ({"name": "a", "flag": 1}, "flag must be true or false or null, not a whole number"),
        ({"name": "a", "items": {}}, "items must be a list, not an object"),
        ([], "the body must be an object, not a list"),
    ],
)
def test_a_fault_is_told_with_its_field_in_words(body: object, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(json.dumps(body).encode(), Outer)
    assert str(caught.value) == text


def test_words_of_an_unknown_fault_hold_no_code() -> None:
    assert in_words("Invalid enum value `x` - at `$.a[0]`") == "a[0] is not valid: Invalid enum value x"


def test_what_was_sent_is_not_repeated_at_length() -> None:
    assert len(in_words(f"Invalid enum value `{'x' * 100_000}` - at `$.a`")) < 200


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-1", -1),
        ("007", 7),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), 2**63),
        ("9" * 5000, 2**63),
        ("-" + "9" * 5000, -(2**63)),
        ("0" * 5000 + "5", 5),
        ("", None),
        ("-", None),
        ("+1", None),
        ("1.0", None),
        ("1e3", None),
        ("1_0", None),
        (" 1", None),
        ("1\n", None),
        ("٣", None),
    ],
)
def test_a_whole_number_is_ascii_digits_of_any_length(text: str, number: int | None) -> None:
    assert whole_number(text) == number


documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from("abcdef"), inner, max_size=5),
    max_leaves=30,
)


@settings(max_examples=100, deadline=None)
@given(documents)
def test_every_clean_document_is_read_as_it_is(document: object) -> None:
    assert parse(json.dumps(document).encode()) == document
    assert parse(json.dumps(document, ensure_ascii=False).encode()) == document


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0d8e1-.NaI tf', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse(body)
    except InvalidInput as refusal:
        assert str(refusal)  # noqa: PT017 - either way is fine, a third is not


QUOTES = b'"' + b'\\"' * 20_000
KEYS = b"{" + b"".join(b'"%d":1,' % number for number in range(20_000)) + b'"19999":1}'


@pytest.mark.parametrize("body", [QUOTES, KEYS], ids=["quotes that never close", "a repeated key among many"])
def test_a_hostile_body_is_refused_as_fast_as_any_other(body: bytes) -> None:
    """Work that grows with the square of the size would take many seconds for these, and hold up every other call."""
    started = time.perf_counter()
    with pytest.raises(InvalidInput):
        parse(body)
    assert time.perf_counter() - started < 2
