"""The APNs body is exactly that of payloads.md §3."""

import json

from hypothesis import given
from hypothesis import strategies as st

from clarion.providers.apns.payload import render
from clarion.providers.contract import Content

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)


def body(content: Content, msg_id: bytes = b"739576.1.1.ab") -> bytes:
    head, tail = render(content)
    return head + msg_id + tail


def test_the_documented_example_comes_out_byte_for_byte() -> None:
    assert body(Content("Hi", "There", image="https://i.example/a.png")) == (
        b'{"aps":{"alert":{"title":"Hi","body":"There"},"sound":"default","mutable-content":1},'
        b'"px.fmt_ver":"1","px.msg_id":"739576.1.1.ab","px.title":"Hi","px.body":"There",'
        b'"px.image":"https://i.example/a.png","px.icon":"","px.link":""}'
    )


def test_text_is_utf_8_and_not_escaped() -> None:
    assert "Привет 😀".encode() in body(Content("Привет 😀", ""))


@given(title=TEXTS, text=TEXTS, image=TEXTS, icon=TEXTS, link=TEXTS)
def test_whatever_the_texts_hold_they_arrive_unchanged_as_strings(
    title: str, text: str, image: str, icon: str, link: str
) -> None:
    message = json.loads(body(Content(title, text, image, icon, link)))
    assert message.pop("aps") == {"alert": {"title": title, "body": text}, "sound": "default", "mutable-content": 1}
    assert message == {
        "px.fmt_ver": "1",
        "px.msg_id": "739576.1.1.ab",
        "px.title": title,
        "px.body": text,
        "px.image": image,
        "px.icon": icon,
        "px.link": link,
    }
