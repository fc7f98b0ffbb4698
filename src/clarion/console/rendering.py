"""Templates: one Jinja environment per language, with everything escaped and nothing undefined.

`_("...")` takes what is written in the template itself and trusts it. Texts that come from elsewhere (marked with `N_`,
or said by a service, perhaps with words of a stranger in them) are translated by the filter `t`, which trusts nothing.
"""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from clarion.console.assets import Assets
from clarion.console.texts import LANGUAGES, catalogue


class Renderer:
    """Turns a template and what it is told into HTML."""

    def __init__(self, assets: Assets, *, base: str) -> None:
        self._environments = {language: _environment(language, assets, base=base) for language in LANGUAGES}

    def page(self, template: str, context: Mapping[str, Any], *, language: str) -> str:
        """A whole page."""
        return self._environments[language].get_template(template).render(context)

    def fragment(self, template: str, block: str, context: Mapping[str, Any], *, language: str) -> str:
        """One named block of a page, for a request that replaces just that part."""
        found = self._environments[language].get_template(template)
        return "".join(found.blocks[block](found.new_context(dict(context))))

    def text(self, text: str, *, language: str, **values: object) -> str:
        """A text marked with `N_` in a language, with its `%(name)s` places filled."""
        translated: str = catalogue(language).gettext(text)
        return translated % values if values else translated


def _environment(language: str, assets: Assets, *, base: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("clarion.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.globals |= {
        "asset": assets.url,
        "base": base,
        "icon": lambda name: _icon(assets, name),
        "LANGUAGES": LANGUAGES,
        "language": language,
    }
    texts = catalogue(language)
    environment.filters["t"] = lambda text: texts.gettext(text) if text else ""
    environment.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined]
    return environment


def _icon(assets: Assets, name: str) -> Markup:
    """A decorative icon of `icons.txt`; the words beside it say what it means."""
    address = f"{assets.url('icons.svg')}#{escape(name)}"
    return Markup('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}"></use></svg>').format(address)
