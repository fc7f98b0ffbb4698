"""Request bodies and numbers in addresses: text in, checked values out, or `InvalidInput` in words.

Every route of the management API reads its body through `decode`, whatever the content type says. Unknown keys are
ignored; everything that PostgreSQL or a provider would refuse later is refused here (reliability.md §13).
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import msgspec

from clarion.foundation.errors import InvalidInput

BODY_LIMIT = 1 << 20
"""Bytes of a request body."""
DEPTH_LIMIT = 32
ELEMENT_LIMIT = 10_000
"""Entries of one list or object."""
NUMBER_LIMIT = 2**63 - 1

T = TypeVar("T")

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, closed or not: every quote is met once, so that a body full of them takes no longer than another."""
_BRACKET = re.compile(r"[\[\]{}]")
_PLACE = re.compile(r"^(?P<fault>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")
_EXPECTED = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<given>[^`]+)`")
_MEASURE = re.compile(r"Expected `(?P<type>\w+)`(?: of length)? (?P<relation><=|>=|<|>) (?P<limit>-?\d+)(?:\.0)?")
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_UNITS = {"str": " characters", "array": " entries", "object": " entries", "int": "", "float": ""}
_ECHO_LIMIT = 120
"""Characters of a fault that may repeat what was sent."""
_RELATIONS = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}


def decode(body: bytes, type_: type[T]) -> T:
    """The body as `type_`; an empty body counts as `{}`. `InvalidInput` names the field and its fault."""
    document = parse(body) if body.strip() else {}
    try:
        return msgspec.convert(document, type_)
    except msgspec.ValidationError as error:
        raise InvalidInput(in_words(str(error))) from None


def parse(body: bytes) -> Any:
    """A JSON document within all limits. Duplicate keys, NaN, huge numbers, NUL and lone surrogates are refused."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("the body is not valid UTF-8") from None
    _check_depth(text)
    try:
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except json.JSONDecodeError as error:
        raise InvalidInput(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    _check_values(document, escaped="\\u" in text)
    return document


def whole_number(text: str) -> int | None:
    """A number in an address: an ASCII integer of any length, capped to just beyond ±2^63; None if it is not one."""
    if not re.fullmatch(r"-?[0-9]+", text):
        return None
    digits = text.lstrip("-").lstrip("0")[:20] or "0"
    magnitude = min(int(digits), NUMBER_LIMIT + 1)
    return -magnitude if text.startswith("-") else magnitude


def in_words(fault: str) -> str:
    """A msgspec message as a sentence: "translations[0].title is required"."""
    place = _PLACE.match(fault)
    words, path = (place["fault"], (place["path"] or "").lstrip(".")) if place else (fault, "")
    if missing := _MISSING.fullmatch(words):
        return f"{path}.{missing[1]} is required" if path else f"{missing[1]} is required"
    if unknown := _UNKNOWN.fullmatch(words):
        return f"{path}.{unknown[1]} is not known" if path else f"{unknown[1]} is not known"
    return f"{path or 'the body'} {_fault_in_words(words)}"


def _fault_in_words(fault: str) -> str:
    if measure := _MEASURE.fullmatch(fault):
        unit = _UNITS.get(measure["type"], "")
        verb = "must have" if unit else "must be"
        return f"{verb} {_RELATIONS[measure['relation']]} {measure['limit']}{unit}"
    if expected := _EXPECTED.fullmatch(fault):
        return f"must be {_type_in_words(expected['wanted'])}, not {_type_in_words(expected['given'])}"
    words = fault.replace("`", "")
    return f"is not valid: {words if len(words) <= _ECHO_LIMIT else words[:_ECHO_LIMIT] + '…'}"


def _type_in_words(types: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in types.split(" | "))


def _check_depth(text: str) -> None:
    """Count brackets before parsing: a parser that recurses must not meet a million of them."""
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > DEPTH_LIMIT:
            raise InvalidInput(f"the body is nested more than {DEPTH_LIMIT} levels deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise InvalidInput(f"the key {twice[:64]!r} stands twice in one object")
    return found


def _constant(text: str) -> NoReturn:
    raise InvalidInput(f"{text} is not a JSON number")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise InvalidInput("a number is too large")
    return number


def _int(text: str) -> int:
    number = whole_number(text)
    if number is None or abs(number) > NUMBER_LIMIT:
        raise InvalidInput("a whole number is too large")
    return number


def _check_values(document: Any, *, escaped: bool) -> None:
    """Bound every container; look at the text only if an escape can have smuggled something in."""
    for value in _walk(document):
        if isinstance(value, str):
            if escaped:
                _check_text(value)
        elif len(value) > ELEMENT_LIMIT:
            raise InvalidInput(f"a list or object has more than {ELEMENT_LIMIT} entries")


def _check_text(value: str) -> None:
    if "\0" in value:
        raise InvalidInput("text must not contain the character NUL")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidInput("text contains half of a surrogate pair")


def _walk(value: Any) -> Iterator[str | list[Any] | dict[str, Any]]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield value
        for entry in value:
            yield from _walk(entry)
    elif isinstance(value, dict):
        yield value
        for key, entry in value.items():
            yield key
            yield from _walk(entry)
