"""The rules of a push's content."""

import pytest

from clarion.features.pushes import PushBody, PushContent, TranslationBody
from clarion.features.pushes.model import TRANSLATIONS_LIMIT, normalised
from clarion.foundation.errors import InvalidInput
from clarion.providers.contract import Content


def push(*languages: str, default: str = "en", **fields: str | None) -> PushBody:
    values: dict[str, str | None] = {"title": "title", "text": "text", **fields}
    return PushBody(default, [TranslationBody(language, **values) for language in languages])  # type: ignore[arg-type]


def test_language_codes_become_lower_case_and_nulls_become_empty() -> None:
    result = normalised(push("EN", default="En", image=None, link="shop/1"))
    assert result == PushBody("en", [TranslationBody("en", "title", "text", "", "", "shop/1")])


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (push(), "must not be empty"),
        (push("pt"), "default_lang en"),
        (push("en", "EN"), "language en twice"),
        (push("eng"), "two-letter"),
        (push("e1"), "two-letter"),
        (push("en", default="en-US"), "default_lang must be"),
        (push("ен"), "two-letter"),
        (push("en", title=""), "title of translation en is required"),
        (push("en", text="  "), "text of translation en is required"),
        (push("en", text="a\0b"), "not text"),
        (push("en", icon="\ud800"), "not text"),
    ],
)
def test_a_broken_rule_is_named(body: PushBody, fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        normalised(body)


@pytest.mark.parametrize(
    ("field", "limit"), [("title", 1000), ("text", 10000), ("image", 2048), ("icon", 2048), ("link", 2048)]
)
def test_length_limits_are_exact(field: str, limit: int) -> None:
    normalised(push("en", **{field: "я" * limit}))
    with pytest.raises(InvalidInput, match=f"{field} of translation en is longer than {limit}"):
        normalised(push("en", **{field: "я" * (limit + 1)}))


def test_the_number_of_translations_is_limited() -> None:
    codes = [a + b for a in "abcdefghij" for b in "abcdefghijklmnopqrstuvwxyz"]
    normalised(push(*codes[:TRANSLATIONS_LIMIT], default="aa"))
    with pytest.raises(InvalidInput, match=f"more than {TRANSLATIONS_LIMIT}"):
        normalised(push(*codes[: TRANSLATIONS_LIMIT + 1], default="aa"))


def test_a_device_gets_its_language_or_the_default() -> None:
    content = PushContent(1, "en", active=True, translations={"en": Content("a", "b"), "pt": Content("c", "d")})
    assert [content.language_for(lang) for lang in ("pt", "de", "")] == ["pt", "en", "en"]
