"""Every text that people see is in the catalogues, in every language."""

import re
import runpy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from clarion.console.texts import LANGUAGES, best_language, catalogue

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "src" / "clarion" / "console" / "templates"
TOOL = runpy.run_path(str(ROOT / "scripts" / "console_texts.py"))
SPOKEN = ("aria-label", "title", "placeholder", "alt")
NAMES = {"Clarion"}
"""Words that are the same in every language."""
_JINJA = re.compile(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{2,}")


def _short(value: object) -> str:
    return value if isinstance(value, str) else ""


class Reader(HTMLParser):
    """Collects what a page says by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"script", "style", "code"}
        self.said += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style", "code"}

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.said.append(data)


@pytest.mark.parametrize(
    "template", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES))
)
def test_templates_say_nothing_past_the_catalogue(template: Path) -> None:
    reader = Reader()
    reader.feed(_JINJA.sub(" ", template.read_text("utf-8")))
    assert [word for text in reader.said for word in _WORD.findall(text) if word not in NAMES] == []


@pytest.mark.parametrize("language", TOOL["LANGUAGES"])
@pytest.mark.parametrize(
    ("area", "texts"), sorted(TOOL["extracted"]().items()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_text_is_translated(language: str, area: str, texts: dict[Any, None]) -> None:
    kept = TOOL["catalogue"](language, area)
    assert [text for text in texts if not TOOL["is_translated"](kept, text)] == []


@pytest.mark.parametrize("language", TOOL["LANGUAGES"])
@pytest.mark.parametrize("area", sorted(TOOL["extracted"]()))
def test_translations_keep_the_places_for_values(language: str, area: str) -> None:
    places = re.compile(r"%\(\w+\)s")
    for entry in TOOL["catalogue"](language, area):
        if entry.id:
            wanted = entry.id if isinstance(entry.id, str) else entry.id[-1]
            forms = [entry.string] if isinstance(entry.string, str) else entry.string
            assert all(set(places.findall(form)) <= set(places.findall(wanted)) for form in forms), entry.id


def test_the_console_offers_the_languages_that_have_catalogues() -> None:
    assert set(LANGUAGES) == {"en", *TOOL["LANGUAGES"]}
    assert catalogue("ru").gettext("Sign in") == "Войти"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("de,pt-BR;q=0.7,en;q=0.3", "pt"),
        ("xx;q=nan,ru;q=0", "en"),
        ("*", "en"),
    ],
)
def test_the_language_follows_the_browser(accepted: str, language: str) -> None:
    assert best_language(accepted) == language
