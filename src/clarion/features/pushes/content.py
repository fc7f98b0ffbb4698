"""Translations as dispatch renders them: options beside the words, marks in place of placeholders. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import msgspec

from clarion.foundation.errors import InvalidInput
from clarion.providers.contract import Content
from clarion.providers.options import Links
from clarion.providers.personal import Marker, PlaceholderFault
from clarion.providers.sizes import Size, sizes

_FAMILIES: Final = ("android", "ios", "web")


class SizeWarning(msgspec.Struct, frozen=True):
    """A provider will refuse a push in this language, because it is too large."""

    provider: str
    language: str
    bytes: int
    limit: int


class LargestSize(NamedTuple):
    """What a provider counts of a push in its longest language."""

    size: Size
    language: str


@dataclass(frozen=True, slots=True)
class Words:
    """One translation of a push as it is kept."""

    language: str
    content: Content
    """With placeholders as they were written."""


def personal(words: Words) -> Content:
    """The content with a mark in place of each placeholder. `InvalidInput` names one that cannot be understood."""
    content, marker = words.content, Marker()
    links = content.options.links
    try:
        at = f"title of translation {words.language}"
        title = marker.mark(content.title)
        at = f"text of translation {words.language}"
        text = marker.mark(content.text)
        at = f"link of translation {words.language}"
        link = marker.mark(content.link, link=True)
        at = "options.links"
        marked = Links(**{family: marker.mark(getattr(links, family), link=True) for family in _FAMILIES})
    except PlaceholderFault as fault:
        raise InvalidInput(f"{at}: {fault}") from None
    options = msgspec.structs.replace(content.options, links=marked)
    return replace(content, title=title, text=text, link=link, options=options, placeholders=tuple(marker.placeholders))


def largest(translations: Sequence[Words]) -> list[LargestSize]:
    """For each provider the size of the longest translation. `InvalidInput` as `personal`."""
    found: dict[str, tuple[Size, str]] = {}
    for words in translations:
        for size in sizes(personal(words)):
            known = found.get(size.provider)
            if known is None or size.bytes > known[0].bytes:
                found[size.provider] = size, words.language
    return [LargestSize(size, language) for size, language in found.values()]


def warnings(translations: Sequence[Words]) -> list[SizeWarning]:
    """One for each provider that will refuse the longest translation. `InvalidInput` as `personal`."""
    return [
        SizeWarning(size.provider, language, size.bytes, size.limit)
        for size, language in largest(translations)
        if size.over
    ]
