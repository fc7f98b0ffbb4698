"""Personal words in a push: `{{ tags.name | "friend" }}`, what stands there for a device, and its splicing. Pure.

A translation is rendered once, with a mark in place of each placeholder; per device the marks of the finished bytes are
replaced. Marks are low surrogates: no text that can be encoded contains one, `json.dumps` leaves them alone, and their
three bytes occur nowhere else in UTF-8.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, Self, TypeVar
from urllib.parse import quote

import msgspec

VALUE_LIMIT = 256
"""Characters of a value; longer ones are cut."""
PLACEHOLDERS_LIMIT = 100
"""In one translation."""

_FIRST_MARK = 0xDC00
_NESTED = 0x200
"""Added to the mark of a placeholder that stands in a JSON text inside a JSON text."""
_MARK = re.compile(rb"(\xed[\xb0-\xbf][\x80-\xbf])")
_MARKS_IN_TEXT = re.compile(r"[\udc00-\udcff]")
_OPENED = "{{"
_STRING = r'"((?:[^"\\]|\\["\\]){0,256})"'
_PLACEHOLDER = re.compile(
    r"\{\{\s*(?:"
    r"(?:tags\.(?P<tag>[A-Za-z0-9_.-]{1,64})|(?P<source>ext_id|country|lang))\s*"
    rf"(?:\|\s*{_STRING.replace('(', '(?P<fallback>', 1)}\s*)?"
    rf"|{_STRING.replace('(', '(?P<literal>', 1)}\s*"
    r")\}\}"
)
_ESCAPED = re.compile(r'\\(["\\])')
# Control characters, line and paragraph separators, and what turns the direction of writing.
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class PlaceholderFault(ValueError):
    """A placeholder that cannot be understood; says where and why."""


class Person(NamedTuple):
    """What is known of a device's user."""

    tags: Mapping[str, str]
    ext_id: str
    country: str
    lang: str


NOBODY = Person({}, "", "", "")
"""Leaves nothing but fallbacks."""


class Placeholder(NamedTuple):
    """One place in a translation that differs per device."""

    tag: str
    """The key of a tag; empty = `source`."""
    source: str
    """A field of `Person` other than `tags`."""
    fallback: str
    quoted: bool
    """It stands inside an address and is percent-encoded."""

    def value(self, person: Person) -> str:
        """The person's value, or the fallback where there is none."""
        told = person.tags.get(self.tag, "") if self.tag else getattr(person, self.source)
        clean = _UNWANTED.sub("", told)[:VALUE_LIMIT]
        chosen = clean if clean.strip() else self.fallback
        return quote(chosen, safe="") if self.quoted else chosen


class Marker:
    """Puts marks in place of placeholders, all of one translation numbered through."""

    def __init__(self) -> None:
        self.placeholders: list[Placeholder] = []

    def mark(self, text: str, *, link: bool = False) -> str:
        """The text with a mark for each placeholder.

        In a link values are percent-encoded, unless the link begins with the placeholder. `PlaceholderFault` names the
        character where a placeholder that cannot be understood begins, counted from 1.
        """
        parts: list[str] = []
        done = 0
        while (opened := text.find(_OPENED, done)) >= 0:
            found = _PLACEHOLDER.match(text, opened)
            if found is None:
                raise PlaceholderFault(_fault(text, opened))
            parts += (text[done:opened], self._replacement(found, quoted=link and opened > 0))
            done = found.end()
        return "".join((*parts, text[done:]))

    def _replacement(self, found: re.Match[str], *, quoted: bool) -> str:
        if found["literal"] is not None:
            return _unescaped(found["literal"])
        if len(self.placeholders) >= PLACEHOLDERS_LIMIT:
            raise PlaceholderFault(f"there are more than {PLACEHOLDERS_LIMIT} placeholders")
        fallback = _UNWANTED.sub("", _unescaped(found["fallback"] or ""))
        one = Placeholder(found["tag"] or "", found["source"] or "", fallback, quoted)
        if one not in self.placeholders:
            self.placeholders.append(one)
        return chr(_FIRST_MARK + self.placeholders.index(one))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _fault(text: str, opened: int) -> str:
    place = f"at character {opened + 1}"
    if "}}" not in text[opened:]:
        return f'the placeholder {place} has no end; write {{{{ "{{{{" }}}} for two braces as such'
    return (
        f"the placeholder {place} is not understood; "
        'write {{ tags.NAME | "fallback" }}, or ext_id, country or lang instead of tags.NAME'
    )


def nested(text: str) -> str:
    """A marked text that will stand in a JSON text inside a JSON text."""
    return _MARKS_IN_TEXT.sub(lambda mark: chr(ord(mark[0]) + _NESTED), text)


def encoded(text: str) -> bytes:
    """UTF-8, marks included."""
    return text.encode("utf-8", "surrogatepass")


class Rendered(Protocol):
    """A translation as byte fragments, between which a message's own values go."""

    @property
    def fragments(self) -> Sequence[bytes]:
        """The fragments."""

    def with_fragments(self, fragments: Sequence[bytes]) -> Self:
        """The same with other fragments, equal in number."""


T = TypeVar("T", bound=Rendered)


class Gaps(Generic[T]):
    """The marks of one rendered translation."""

    __slots__ = ("_nested", "_pieces", "_placeholders", "_rendered")

    def __init__(self, rendered: T, placeholders: Sequence[Placeholder]) -> None:
        self._rendered = rendered
        self._placeholders = tuple(placeholders)
        self._pieces = [_split(fragment) for fragment in rendered.fragments]
        self._nested = any(number >= _NESTED for _, numbers in self._pieces for number in numbers)

    def fill(self, person: Person) -> T:
        """The translation for one person."""
        values = {number: _json(one.value(person)) for number, one in enumerate(self._placeholders)}
        if self._nested:
            values |= {number + _NESTED: _json(value.decode()) for number, value in values.items()}
        return self._rendered.with_fragments([_woven(texts, numbers, values) for texts, numbers in self._pieces])


def opened(rendered: T, placeholders: Sequence[Placeholder]) -> tuple[T, Gaps[T] | None]:
    """A rendered translation with its fallbacks in place, and its marks; None where it is the same for everybody."""
    if not placeholders:
        return rendered, None
    gaps = Gaps(rendered, placeholders)
    return gaps.fill(NOBODY), gaps


def _split(fragment: bytes) -> tuple[list[bytes], list[int]]:
    """Texts and the numbers of the marks between them."""
    parts = _MARK.split(fragment)
    numbers = [ord(mark.decode("utf-8", "surrogatepass")) - _FIRST_MARK for mark in parts[1::2]]
    return parts[::2], numbers


def _woven(texts: Sequence[bytes], numbers: Sequence[int], values: Mapping[int, bytes]) -> bytes:
    if not numbers:
        return texts[0]
    parts = [texts[0]]
    for number, text in zip(numbers, texts[1:], strict=True):
        parts += (values[number], text)
    return b"".join(parts)


def _json(value: str) -> bytes:
    """What stands between the quotes of a JSON string."""
    return msgspec.json.encode(value)[1:-1]
