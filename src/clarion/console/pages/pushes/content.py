"""The content of a push as fields of a form, and back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import msgspec
from babel import Locale

from clarion.console.forms import NOT_OFFERED, REQUIRED, TOO_LONG, Form
from clarion.console.texts import N_, locale_of
from clarion.features.pushes import PushBody, PushView, TranslationBody
from clarion.foundation.errors import InvalidInput
from clarion.providers.options import NO_OPTIONS, Action, IosOptions, Options

COLUMNS = ("lang", "title", "text", "image", "icon", "link")
"""Fields that every language has one of."""
ROWS_LIMIT = 60
BUTTONS = 3
ADD, REMOVE = "add-language", "remove-"
"""What the buttons that change the rows are called."""
TWICE = N_("This language is there twice.")
PLACEHOLDERS = (
    (N_("Tag of the person"), '{{ tags.name | "friend" }}'),
    (N_("Country"), '{{ country | "your country" }}'),
    (N_("Language"), '{{ lang | "en" }}'),
    (N_("External id"), '{{ ext_id | "" }}'),
)
EMOJI = ("🎉", "🔥", "🎁", "⏰", "❤️", "👋", "✅", "⭐")
PROVIDERS = {
    "fcm": "Firebase (FCM)",
    "apns": "Apple (APNs)",
    "webpush": "Web Push",
    "onesignal": "OneSignal",
    "huawei": "Huawei",
}
_OF_TRANSLATION = re.compile(r"(title|text|link|image|icon) of translation ([a-z]{2})\b:? ?(.*)")
_LIMITS = {"title": 1000, "text": 10_000, "image": 2048, "icon": 2048, "link": 2048}


@dataclass(frozen=True, slots=True)
class Row:
    """One language as the form shows it."""

    lang: str = ""
    title: str = ""
    text: str = ""
    image: str = ""
    icon: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """One button as the form shows it."""

    id: str = ""
    title: str = ""
    link: str = ""


@cache
def languages(shown_in: str) -> Sequence[tuple[str, str]]:
    """Two-letter codes with their names, by name."""
    named = locale_of(shown_in).languages
    codes = [str(code) for code in Locale("en").languages]
    known = [(code, str(named.get(code) or code)) for code in codes if len(code) == 2]
    return sorted(known, key=lambda pair: pair[1].casefold())


def form_of(push: PushView) -> Form:
    """A form that shows a push, its default language first."""
    rows = sorted(push.translations, key=lambda one: one.language != push.default_lang)
    options = push.options if isinstance(push.options, Options) else NO_OPTIONS
    return Form.of(
        lang=[one.language for one in rows],
        **{name: [getattr(one, name) for one in rows] for name in COLUMNS[1:]},
        button_id=[one.id for one in options.actions],
        button_title=[one.title for one in options.actions],
        button_link=[one.link for one in options.actions],
        subtitle=options.ios.subtitle,
        channel=options.android.channel_id,
        stay="1" if options.web.require_interaction else "",
    )


def rows_of(form: Form) -> list[Row]:
    """The languages; at least one."""
    columns = [form.values(name) for name in COLUMNS]
    count = min(max(map(len, columns)), ROWS_LIMIT)
    return [Row(*(column[n] if n < len(column) else "" for column in columns)) for n in range(count)] or [Row()]


def changed_rows(form: Form, *, do: str, unused: str) -> list[Row]:
    """The languages after the button `do` was pressed; a new one is `unused`."""
    rows = rows_of(form)
    if do == ADD and len(rows) < ROWS_LIMIT:
        taken = {row.lang for row in rows}
        return [*rows, Row(lang="" if unused in taken else unused)]
    place = do.removeprefix(REMOVE)
    if do.startswith(REMOVE) and place.isascii() and place.isdigit() and len(rows) > 1:
        return [row for n, row in enumerate(rows) if n != int(place[:4])]
    return rows


def buttons_of(form: Form) -> list[Button]:
    """The buttons with empty places for new ones."""
    columns = [form.values(name) for name in ("button_id", "button_title", "button_link")]
    count = max(BUTTONS, min(len(columns[1]), 5))
    return [Button(*(column[n] if n < len(column) else "" for column in columns)) for n in range(count)]


def body_of(form: Form, *, shown_in: str, base: Options = NO_OPTIONS) -> PushBody:
    """What the form says; notes faults. `base`: options of which the form shows only some."""
    rows = rows_of(form)
    known = dict(languages(shown_in))
    for n, row in enumerate(rows):
        _check_row(form, n, row)
        if row.lang not in known:
            form.refuse(f"lang-{n}", NOT_OFFERED)
        elif row.lang in {other.lang for other in rows[:n]}:
            form.refuse(f"lang-{n}", TWICE)
    translations = [TranslationBody(r.lang, r.title.strip(), r.text.strip(), r.image, r.icon, r.link) for r in rows]
    return PushBody(rows[0].lang, translations, _options(form, base))


def partial_body(form: Form) -> PushBody | None:
    """What is complete so far, for measuring; None when nothing is."""
    rows = {row.lang: row for row in rows_of(form) if row.lang and row.title.strip() and row.text.strip()}
    if not rows:
        return None
    translations = [TranslationBody(r.lang, r.title, r.text, r.image, r.icon, r.link) for r in rows.values()]
    return PushBody(translations[0].language, translations, _options(Form(form.fields), NO_OPTIONS))


def refuse(form: Form, error: InvalidInput) -> None:
    """Note what the service said, at the field that it speaks of where it names one."""
    found = _OF_TRANSLATION.match(str(error))
    if found is None:
        form.refuse_all(error)
        return
    field, lang, words = found.groups()
    places = [n for n, row in enumerate(rows_of(form)) if row.lang == lang]
    form.refuse(f"{field}-{places[0] if places else 0}", words or str(error))


def _check_row(form: Form, n: int, row: Row) -> None:
    for name in ("title", "text"):
        if not getattr(row, name).strip():
            form.refuse(f"{name}-{n}", REQUIRED)
    for name, limit in _LIMITS.items():
        if len(getattr(row, name)) > limit:
            form.refuse(f"{name}-{n}", TOO_LONG)


def _options(form: Form, base: Options) -> Options | None:
    actions = []
    for n, button in enumerate(buttons_of(form)):
        if not button.title.strip() and not button.link.strip():
            continue
        if not button.title.strip():
            form.refuse(f"button-{n}", N_("A button needs words."))
        if len(button.title) > 64 or len(button.link) > 2048:
            form.refuse(f"button-{n}", TOO_LONG)
        actions.append(Action(button.id or f"button-{n + 1}", button.title.strip(), button.link.strip()))
    ios: IosOptions = msgspec.structs.replace(base.ios, subtitle=form.text("subtitle", limit=256, required=False))
    android = msgspec.structs.replace(base.android, channel_id=form.text("channel", limit=256, required=False))
    web = msgspec.structs.replace(base.web, require_interaction=form.flag("stay"))
    options = msgspec.structs.replace(base, actions=actions, ios=ios, android=android, web=web)
    return None if options == NO_OPTIONS else options
