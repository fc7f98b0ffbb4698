"""Placeholders: what is understood, what a device's value becomes, and that splicing equals writing JSON anew."""

import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.providers.apns import payload as apns
from clarion.providers.contract import Content
from clarion.providers.fcm import payload as fcm
from clarion.providers.huawei import payload as huawei
from clarion.providers.onesignal import payload as onesignal
from clarion.providers.options import Options
from clarion.providers.personal import NOBODY, Gaps, Marker, Person, PlaceholderFault, opened
from clarion.providers.webpush import payload as webpush

UUID = b"0123456789abcdef0123456789abcdef"
ANN = Person({"name": "Ann", "empty": "", "blank": " ", "cart.items": "3"}, "u-7", "PT", "pt")
HOSTILE = [
    '"',
    "\\",
    '","px.msg_id":"forged',
    "\\u0022",
    "{{ tags.name }}",
    "😀",
    "</script>",
    "%s{}",
    "\ud7ff",
    "a" * 300,
]

values = st.text(st.characters(exclude_categories=("Cs",)), max_size=300) | st.sampled_from(HOSTILE)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30).filter(lambda text: "{" not in text)


def filled(text: str, person: Person = ANN, *, link: bool = False) -> str:
    """What a device shows of a text."""
    marker = Marker()
    content = Content(marker.mark(text, link=link), "", placeholders=tuple(marker.placeholders))
    template = apns.render(content)
    gaps = opened(template, content.placeholders)[1]
    head, tail = gaps.fill(person) if gaps else template
    shown: str = json.loads(head + tail)["px.title"]
    return shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no braces", "no braces"),
        ("Hi {{ tags.name }}!", "Hi Ann!"),
        ('Hi {{tags.name|"friend"}}!', "Hi Ann!"),
        ('{{ tags.none | "friend" }}', "friend"),
        ('{{ tags.empty | "friend" }}', "friend"),
        ('{{ tags.blank | "friend" }}', "friend"),
        ("[{{ tags.none }}]", "[]"),
        ("{{ tags.cart.items }} in {{ country }}", "3 in PT"),
        ("{{ lang }}-{{ lang }}", "pt-pt"),
        ('{{ ext_id | "" }}', "u-7"),
        (r'{{ tags.none | "a \"b\" \\ c" }}', r'a "b" \ c'),
        ('{{ "{{" }} name }}', "{{ name }}"),
        ("a } b }} c {", "a } b }} c {"),
    ],
)
def test_a_placeholder_shows_the_value_or_its_fallback(text: str, shown: str) -> None:
    assert filled(text) == shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi {{ tags.name", "at character 4 has no end"),
        ("{{ name }}", "at character 1 is not understood"),
        ("ab {{ tags. }}", "at character 4 is not understood"),
        ("{{ tags.name | friend }}", "at character 1 is not understood"),
        ('{{ tags.name | "a" | "b" }}', "at character 1 is not understood"),
        ("{{ tags.first name }}", "at character 1 is not understood"),
        ("{{ token }}", "at character 1 is not understood"),
        ("{{}}", "at character 1 is not understood"),
        ("{{ country }}{{ Country }}", "at character 14 is not understood"),
        ('{{ country | "' + "x" * 257 + '" }}', "at character 1 is not understood"),
    ],
)
def test_what_is_not_understood_is_named_with_its_place(text: str, words: str) -> None:
    with pytest.raises(PlaceholderFault, match=words):
        Marker().mark(text)


def test_more_than_a_hundred_different_placeholders_are_refused() -> None:
    Marker().mark("".join(f"{{{{ tags.t{number} }}}}" for number in range(100)))
    with pytest.raises(PlaceholderFault, match="more than 100"):
        Marker().mark("".join(f"{{{{ tags.t{number} }}}}" for number in range(101)))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\x00b\x1f\x7f\x9fc\r\n", "abc"),
        ("a\u2028b\u202ec\u2066d", "abcd"),
        ("x" * 300, "x" * 256),
        ("\n" * 300 + "y", "y"),
        ("\t\n", "friend"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
    ],
)
def test_a_value_loses_what_must_not_be_shown(value: str, shown: str) -> None:
    assert filled('{{ tags.name | "friend" }}', Person({"name": value}, "", "", "")) == shown


def test_values_in_a_link_are_percent_encoded_unless_they_begin_it() -> None:
    person = Person({"q": "a&b=c/ü", "url": "https://x.example/?a=1"}, "", "", "")
    assert filled("https://s.example/?q={{ tags.q }}", person, link=True) == "https://s.example/?q=a%26b%3Dc%2F%C3%BC"
    assert filled("{{ tags.url }}", person, link=True) == "https://x.example/?a=1"


def test_without_a_person_fallbacks_stand() -> None:
    assert filled('{{ tags.name | "friend" }} {{ lang }}', NOBODY) == "friend "


def fcm_body(transport: str) -> Callable[[Content, Person], bytes]:
    def body(content: Content, person: Person) -> bytes:
        template = fcm.render(content, transport=transport, ttl=60)
        whole = Gaps(template, content.placeholders).fill(person) if content.placeholders else template
        return whole.body(b"token", b"739.1.2.3.abc", UUID)

    return body


def apns_body(content: Content, person: Person) -> bytes:
    template = apns.render(content)
    head, tail = Gaps(template, content.placeholders).fill(person) if content.placeholders else template
    return head + b"739.1.2.3.abc" + tail


def webpush_body(content: Content, person: Person) -> bytes:
    template = webpush.render(content)
    whole = Gaps(template, content.placeholders).fill(person) if content.placeholders else template
    return whole.text(b"739.1.2.3.abc")


def onesignal_body(content: Content, person: Person) -> bytes:
    template = onesignal.render(content, app_id="a", ttl=60)
    whole = Gaps(template, content.placeholders).fill(person) if content.placeholders else template
    return whole.body(["one"], UUID, b"739.1.2.3.abc")


def huawei_body(content: Content, person: Person) -> bytes:
    template = huawei.render(content, ttl=60)
    whole = Gaps(template, content.placeholders).fill(person) if content.placeholders else template
    return whole.body(["one"], b"739.1.2.3.abc")


BODIES = {
    "fcm": fcm_body("fcm"),
    "fcm.data": fcm_body("fcm.data"),
    "apns": apns_body,
    "webpush": webpush_body,
    "onesignal": onesignal_body,
    "huawei": huawei_body,
}


@pytest.mark.parametrize("transport", BODIES)
@given(before=texts, name=values, after=texts, ext_id=values)
def test_a_spliced_body_equals_one_written_for_the_device(
    transport: str, before: str, name: str, after: str, ext_id: str
) -> None:
    """The reference is the plain rendering of the finished words, which has a proof of its own."""
    person, marker = Person({"name": name}, ext_id, "", ""), Marker()
    personal = Content(
        marker.mark(before + '{{ tags.name | "you" }}' + after),
        marker.mark("{{ ext_id }}" + before + '{{ tags.name | "you" }}'),
        link=marker.mark('app://i/{{ tags.name | "you" }}', link=True),
        options=Options(collapse_key="k"),
    )
    shown = [one.value(person) for one in marker.placeholders]
    plain = Content(
        before + shown[0] + after,
        shown[1] + before + shown[0],
        link="app://i/" + quote(shown[0], safe=""),
        options=personal.options,
    )
    personal = replace(personal, placeholders=tuple(marker.placeholders))
    assert BODIES[transport](personal, person) == BODIES[transport](plain, person)
