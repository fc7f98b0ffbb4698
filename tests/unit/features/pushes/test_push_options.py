"""Options of a push: what is refused, in which words, and which sizes are warned of."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from clarion.features.pushes.content import SizeWarning, Words, personal, warnings
from clarion.features.pushes.model import PushContent
from clarion.features.pushes.options import FORBIDDEN, checked
from clarion.foundation.errors import InvalidInput
from clarion.foundation.ids import LONGEST_MSG_ID, MessageIds
from clarion.providers.contract import Content
from clarion.providers.options import Options
from clarion.providers.sizes import sizes

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def options(**fields: Any) -> Options:
    return msgspec.convert(fields, Options)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"collapse_key": "a b"}, "options.collapse_key must be visible ASCII"),
    ({"collapse_key": "ä"}, "options.collapse_key must be visible ASCII"),
    ({"android": {"color": "red"}}, "options.android.color must be written #RRGGBB"),
    ({"android": {"sound": "a\0"}}, "options contain the character NUL"),
    ({"android": {"sound": "\ud800"}}, "options contain half of a surrogate pair"),
    ({"actions": [{"id": "a b", "title": "t"}]}, "the id of an entry of options.actions must be letters"),
    ({"actions": [{"id": "", "title": "t"}]}, "the id of an entry of options.actions must be letters"),
    ({"actions": [{"id": "a", "title": " "}]}, "the title of an entry of options.actions is required"),
    ({"web": {"actions": [{"id": "a", "title": "t"}] * 2}}, "options.web.actions contains the id a twice"),
    ({"raw": {"fcm": {"x": "y" * 4096}}}, "options.raw.fcm is longer than 4096 bytes"),
    ({"raw": {"fcm": {"data": "x"}}}, "options.raw.fcm.data must be an object"),
    ({"raw": {"fcm": {"data": None}}}, "options.raw.fcm.data must be an object"),
    ({"raw": {"fcm": {"android": {"notification": 1}}}}, "options.raw.fcm.android.notification must be an object"),
    ({"raw": {"fcm": {"data": {"n": 1}}}}, "options.raw.fcm.data.n must be text"),
    ({"raw": {"fcm": {"data": {"google.x": "1"}}}}, "options.raw.fcm.data.google.x is reserved"),
    ({"raw": {"apns": {"aps": {"alert": "text"}}}}, "options.raw.apns.aps.alert must be an object"),
]
WRONG += [
    ({"raw": {provider: {path: "x"}}}, f"options.raw.{provider} must not contain {path}")
    for provider, paths in FORBIDDEN.items()
    for path in sorted(paths)
    if not path.startswith("data.")
]
WRONG += [
    ({"raw": {provider: {"data": {"px.msg_id": "x"}}}}, f"options.raw.{provider} must not contain data.px.msg_id")
    for provider in ("fcm", "onesignal")
]


@pytest.mark.parametrize(("fields", "words"), WRONG)
def test_what_breaks_a_rule_is_named(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked(options(**fields))
    assert words in str(caught.value)


def test_parts_of_a_message_can_be_replaced_and_removed() -> None:
    raw = {"fcm": {"android": {"notification": None}}, "apns": {"aps": {"sound": None, "badge": 4}}}
    assert checked(options(raw=raw)) == options(raw=raw)


def words(text: str, language: str = "en", **fields: Any) -> Words:
    return Words(language, Content("t", text, options=options(**fields)))


def size_of(provider: str, one: Words) -> int:
    return {size.provider: size.bytes for size in sizes(personal(one))}[provider]


@pytest.mark.parametrize("character", ["x", "ж", "😀"])
@pytest.mark.parametrize(
    ("provider", "limit", "copies"), [("fcm", 4096, 2), ("apns", 4096, 2), ("webpush", 3993, 1), ("huawei", 4096, 1)]
)
def test_a_warning_comes_with_the_first_byte_too_many(character: str, provider: str, limit: int, copies: int) -> None:
    """Bytes count, not characters; FCM and APNs carry the words twice."""
    width = len(character.encode())
    room = limit - size_of(provider, words("y"))
    text = "y" + character * (room // (width * copies))
    text += "y" * ((limit - size_of(provider, words(text))) // copies)
    assert limit - copies < size_of(provider, words(text)) <= limit
    assert provider not in {warning.provider for warning in warnings([words(text)])}
    over = size_of(provider, words(text + "y"))
    assert SizeWarning(provider, "en", over, limit) in warnings([words("short", "pt"), words(text + "y")])


def test_a_warning_names_the_longest_language_once() -> None:
    found = warnings([words("x" * 5000), words("ж" * 5000, "ru"), words("y" * 4500, "de")])
    assert {warning.language for warning in found} == {"ru"}
    assert [warning.provider for warning in found] == ["fcm", "apns", "webpush", "onesignal", "huawei"]


def test_placeholders_count_with_their_fallbacks_and_links_with_the_longest() -> None:
    short = size_of("apns", words('{{ tags.a | "" }}'))
    assert size_of("apns", words('{{ tags.a | "' + "x" * 200 + '" }}')) == short + 2 * 200
    assert size_of("apns", words("{{ tags.a }}", links={"android": "a" * 500})) == short + 500


def test_no_message_id_is_longer_than_the_one_counted() -> None:
    ids = MessageIds(b"k")
    msg_id, _ = ids.make(ids.prefix(date.max, 2**63 - 1, 2**63 - 1), 2**62 - 1)
    assert len(msg_id) == LONGEST_MSG_ID <= 128


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (Content("{{ x }}", ""), "title of translation en: the placeholder at character 1"),
        (Content("", "a{{ x }}"), "text of translation en: the placeholder at character 2"),
        (Content("", "", link="/{{"), "link of translation en: the placeholder at character 2"),
        (Content("", "", options=options(links={"ios": "{{ y }}"})), "options.links: the placeholder at character 1"),
    ],
)
def test_a_wrong_placeholder_is_named_with_its_field(content: Content, place: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        personal(Words("en", content))
    assert place in str(caught.value)


@pytest.mark.parametrize(
    ("ttl", "after", "left"),
    [
        (None, 0, 86_400),
        (None, 86_399, 1),
        (None, 86_400, None),
        (60, 0, 60),
        (60, 59, 1),
        (60, 60, None),
        (0, 0, 0),
        (0, 86_399, 0),
        (0, 86_400, None),
        (259_200, 0, 259_200),
        (259_200, 86_399, 172_801),
        (259_200, 86_400, None),
    ],
)
def test_the_time_to_live_runs_from_the_start_of_the_send(ttl: int | None, after: int, left: int | None) -> None:
    """The send's end bounds when a message is handed over, not how long the provider keeps it."""
    push = PushContent(1, "en", active=True, translations={}, ttl=ttl)
    now = NOON + timedelta(seconds=after)
    assert push.seconds_left(NOON, NOON + timedelta(days=1), now) == left
