"""What a push is and which rules its content keeps (management-api.md §6). Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from clarion.features.pushes.content import SizeWarning
from clarion.features.pushes.options import checked
from clarion.foundation.errors import InvalidInput
from clarion.providers.contract import Content
from clarion.providers.options import Options

TRANSLATIONS_LIMIT = 200
BOUND_LIMIT = 10_000
"""At most so many pushes are bound to one scheduler."""

_LANGUAGE = re.compile(r"[A-Za-z]{2}")
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_LIMITS = {"title": 1_000, "text": 10_000, "image": 2_048, "icon": 2_048, "link": 2_048}
"""Characters. Providers cap the whole message at about 4 KiB; these limits only keep requests bounded."""


class TranslationBody(msgspec.Struct, frozen=True):
    """One language of a push, as received. Image, icon and link need not be absolute addresses."""

    language: str
    title: str
    text: str
    image: str | None = None
    icon: str | None = None
    link: str | None = None


class PushBody(msgspec.Struct, frozen=True):
    """A push as received."""

    default_lang: str
    translations: list[TranslationBody]
    options: Options | None = None
    """Clarion's own: how the push is delivered and shown."""


class TranslationRef(msgspec.Struct, frozen=True):
    """The id that a language of a push was given."""

    id: int
    language: str


class PushCreated(msgspec.Struct, frozen=True):
    """The answer to a creation."""

    id: int
    translations: list[TranslationRef]
    warnings: list[SizeWarning] | msgspec.UnsetType = msgspec.UNSET
    """Only where there are any."""


class PushReplaced(msgspec.Struct, frozen=True):
    """What there is to say of a replaced push."""

    warnings: list[SizeWarning]


class TranslationView(msgspec.Struct, frozen=True):
    """One language of a push, as answered."""

    id: int
    language: str
    title: str
    text: str
    image: str
    icon: str
    link: str


class BoundTo(msgspec.Struct, frozen=True):
    """The scheduler that a push is bound to."""

    type: str
    id: int


class PushView(msgspec.Struct, frozen=True):
    """A push as answered; `status` is 1 while it is active, else 0."""

    id: int
    default_lang: str
    translations: list[TranslationView]
    status: int
    scheduler: BoundTo | None
    options: Options | msgspec.UnsetType = msgspec.UNSET
    """Only where there are any."""


@dataclass(frozen=True, slots=True)
class PushLine:
    """A push as a list shows it: with the words of its default language."""

    id: int
    title: str
    text: str
    languages: Sequence[str]
    """The default one first."""
    active: bool
    scheduler_id: int | None
    scheduler_name: str | None
    """Of the scheduler that it is bound to, if any."""


@dataclass(frozen=True, slots=True)
class PushContent:
    """What dispatch needs to send a push. A deleted push is not active."""

    id: int
    default_lang: str
    active: bool
    translations: Mapping[str, Content]
    ttl: int | None = None
    """Seconds from the start of a send; None = as long as the send itself."""

    @property
    def personal(self) -> bool:
        """Whether some of its words differ per device."""
        return any(content.placeholders for content in self.translations.values())

    def seconds_left(self, started_at: datetime, expires_at: datetime, now: datetime) -> int | None:
        """The time to live to send a message with, of a send that started and expires then; None = too late to send.

        A time to live of 0 asks the provider to deliver now or never, for as long as the send itself lasts.
        """
        if now >= expires_at:
            return None
        if self.ttl == 0:
            return 0
        end = expires_at if self.ttl is None else started_at + timedelta(seconds=self.ttl)
        return max(0, int((end - now).total_seconds())) if end > now else None

    def language_for(self, device_lang: str) -> str:
        """The translation that a device gets: its own language, else the default (payloads.md §7)."""
        return device_lang if device_lang in self.translations else self.default_lang


def normalised(body: PushBody) -> PushBody:
    """The push with lower-case language codes and no nulls; `InvalidInput` names the first rule it breaks."""
    if not body.translations:
        raise InvalidInput("translations must not be empty")
    if len(body.translations) > TRANSLATIONS_LIMIT:
        raise InvalidInput(f"translations has more than {TRANSLATIONS_LIMIT} entries")
    default = _language(body.default_lang, "default_lang")
    translations = [_translation(item) for item in body.translations]
    languages = [item.language for item in translations]
    for language in languages:
        if languages.count(language) > 1:
            raise InvalidInput(f"translations contains language {language} twice")
    if default not in languages:
        raise InvalidInput(f"translations has no entry for the default_lang {default}")
    return PushBody(default, translations, body.options and checked(body.options))


def _language(value: str, field: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise InvalidInput(f"{field} must be a two-letter language code")
    return value.lower()


def _translation(item: TranslationBody) -> TranslationBody:
    language = _language(item.language, "translation language")
    values = {name: getattr(item, name) or "" for name in _LIMITS}
    for name, limit in _LIMITS.items():
        _check_text(values[name], f"{name} of translation {language}", limit)
    for name in ("title", "text"):
        if not values[name].strip():
            raise InvalidInput(f"{name} of translation {language} is required")
    return TranslationBody(language, **values)


def _check_text(value: str, what: str, limit: int) -> None:
    if len(value) > limit:
        raise InvalidInput(f"{what} is longer than {limit} characters")
    if _UNUSABLE.search(value):
        raise InvalidInput(f"{what} contains a character that is not text")
