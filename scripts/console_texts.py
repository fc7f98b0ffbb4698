"""Keeps the catalogues of the console's texts: what code and templates say, and what still has no translation.

    python scripts/console_texts.py          update all catalogues, list what is missing
    python scripts/console_texts.py sends    the same for one area

An area is a folder of templates with the page module of the same name; all else is the area `frame`. Each has one file
per language: `src/clarion/console/locale/<language>/<area>.po`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

CONSOLE = Path(__file__).resolve().parent.parent / "src" / "clarion" / "console"
LANGUAGES = ("pt", "ru")
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
OPTIONS = {"trimmed": "true", "newstyle_gettext": "true", "extensions": "jinja2.ext.i18n"}
FRAME = "frame"
HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""

Text = str | tuple[str, ...]


def area_of(file: Path) -> str:
    """The area that a source file belongs to."""
    parts = file.relative_to(CONSOLE).parts
    if parts[0] == "pages" and file.stem != "__init__":
        return parts[1] if len(parts) > 2 else file.stem
    return parts[1] if parts[0] == "templates" and len(parts) > 2 else FRAME


def sources() -> Iterator[tuple[Path, str]]:
    """Files with texts, and how they are read."""
    yield from ((file, "python") for file in sorted(CONSOLE.rglob("*.py")))
    yield from ((file, "jinja2.ext:babel_extract") for file in sorted((CONSOLE / "templates").rglob("*.html")))


def extracted() -> dict[str, dict[Text, None]]:
    """Area → the texts it uses, in order of appearance."""
    found: dict[str, dict[Text, None]] = {}
    for file, method in sources():
        options = OPTIONS if method.startswith("jinja2") else {}
        for _, message, _, _ in extract_from_file(method, str(file), keywords=KEYWORDS, options=options):
            found.setdefault(area_of(file), {})[message] = None
    return found


def place(language: str, area: str) -> Path:
    """Where a catalogue is kept."""
    return CONSOLE / "locale" / language / f"{area}.po"


def catalogue(language: str, area: str) -> Catalog:
    """A catalogue as it is kept; empty if there is none yet."""
    file = place(language, area)
    if not file.exists():
        return Catalog(locale=language)
    with file.open("rb") as source:
        return read_po(source, locale=language)


def is_translated(kept: Catalog, text: Text) -> bool:
    """Whether a catalogue has every form of a text."""
    entry = kept.get(text if isinstance(text, str) else text[0])
    forms = (entry.string,) if entry is not None and isinstance(entry.string, str) else entry.string if entry else ()
    return bool(forms) and all(forms)


def update(language: str, area: str, texts: dict[Text, None]) -> list[Text]:
    """Bring a catalogue in line with the texts in use; what is not translated."""
    kept = catalogue(language, area)
    renewed = Catalog(locale=language)
    for text in texts:
        entry = kept.get(text if isinstance(text, str) else text[0])
        renewed.add(text, entry.string if entry else None)
    place(language, area).parent.mkdir(parents=True, exist_ok=True)
    with place(language, area).open("wb") as target:
        target.write(HEADER.format(language=language, plurals=renewed.plural_forms).encode())
        write_po(target, renewed, width=0, omit_header=True)
    return [text for text in texts if not is_translated(renewed, text)]


def main() -> None:
    """Update and report."""
    wanted = sys.argv[1:]
    for area, texts in sorted(extracted().items()):
        if wanted and area not in wanted:
            continue
        for language in LANGUAGES:
            for text in update(language, area, texts):
                print(f"{language}/{area}: {text!r}")  # noqa: T201 - this is what the command is for


if __name__ == "__main__":
    main()
