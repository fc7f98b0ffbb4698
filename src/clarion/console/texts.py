"""Texts in the languages of the console, read from gettext catalogues when a process starts.

There is one catalogue per area and language below `locale/`; `scripts/console_texts.py` keeps them complete.

The texts in code and templates are the English ones. `N_` marks a text in code that is translated when it is shown.
"""

import io
from collections.abc import Iterable
from functools import cache
from importlib import resources

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

SOURCE_LANGUAGE = "en"
LANGUAGES = {"en": "English", "ru": "Русский", "pt": "Português"}
"""Every language with its own name for itself."""


def N_(text: str) -> str:  # noqa: N802 - the name that extraction tools know
    """The text unchanged: it is translated where it is shown."""
    return text


@cache
def catalogue(language: str) -> NullTranslations:
    """The texts of one language of `LANGUAGES`."""
    if language == SOURCE_LANGUAGE:
        return NullTranslations()
    merged = Catalog(locale=language)
    for place in sorted((resources.files("clarion.console") / "locale" / language).iterdir(), key=lambda p: p.name):
        with place.open("rb") as source:
            for entry in read_po(source, locale=language):
                merged[entry.id] = entry
    compiled = io.BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return Translations(compiled, domain="console")


@cache
def locale_of(language: str) -> Locale:
    """How a language writes numbers and dates."""
    return Locale.parse(language)


def best_language(accepted: str) -> str:
    """The language of an `Accept-Language` header that we have; English if none."""
    for wanted in _by_preference(accepted):
        short = wanted.partition("-")[0].lower()
        if short in LANGUAGES:
            return short
    return SOURCE_LANGUAGE


def _by_preference(accepted: str) -> Iterable[str]:
    ranked = []
    for part in accepted.split(",")[:20]:
        name, _, quality = part.strip().partition(";q=")
        try:
            ranked.append((-float(quality or 1), name))
        except ValueError:
            continue
    return [name for rank, name in sorted(ranked, key=lambda pair: pair[0]) if rank < 0]
