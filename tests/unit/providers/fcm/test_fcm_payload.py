"""Spliced FCM bodies are byte for byte what a plain builder would write (payloads.md §1, §2)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.providers.contract import Content
from clarion.providers.fcm.payload import render

UUID = b"0123456789abcdef0123456789abcdef"
DASHED = "01234567-89ab-cdef-0123-456789abcdef"
FULL = Content("Hi", "There", image="https://i.example/a.png", icon="ic", link="app://page")
TRICKY = ["\ud7ff", "%s{}", '"', "\\", "\u2028", "\x00", "\x7f", "{token}", "😀", "</script>"]

texts = st.text(max_size=60) | st.sampled_from(TRICKY)
tokens = st.text("ABCabc019_:.=%-", min_size=1, max_size=40)
links = texts | st.just("https://i.example/ä.png") | st.just("HTTPS://I.EXAMPLE/x")


def data_of(content: Content, msg_id: str) -> dict[str, str]:
    return {
        "px.fmt_ver": "1",
        "px.msg_id": msg_id,
        "px.title": content.title,
        "px.body": content.text,
        "px.image": content.image,
        "px.icon": content.icon,
        "px.link": content.link,
    }


def data_message(content: Content, token: str, msg_id: str, ttl: int) -> dict[str, object]:
    android = {"priority": "HIGH", "ttl": f"{ttl}s"}
    return {"message": {"token": token, "data": data_of(content, msg_id), "android": android}}


def notification_message(content: Content, token: str, msg_id: str, ttl: int) -> dict[str, object]:
    image = {"image": content.image} if content.image.lower().startswith("https://") else {}
    apns: dict[str, object] = {
        "headers": {"apns-collapse-id": DASHED},
        "payload": {"aps": {"sound": "default", "mutable-content": 1}},
    }
    if image:
        apns["fcm_options"] = image
    return {
        "message": {
            "token": token,
            "data": data_of(content, msg_id),
            "android": {"priority": "HIGH", "ttl": f"{ttl}s", "notification": {"tag": DASHED}},
            "notification": {"title": content.title, "body": content.text, **image},
            "apns": apns,
        }
    }


def compact(message: dict[str, object]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


@given(texts, texts, links, texts, texts, tokens, st.integers(0, 2_419_200))
def test_spliced_body_equals_plain_json(
    title: str, text: str, image: str, icon: str, link: str, token: str, ttl: int
) -> None:
    content = Content(title, text, image=image, icon=icon, link=link)
    data = render(content, transport="fcm.data", ttl=ttl).body(token.encode(), b"739.1.2.3.abc", UUID)
    shown = render(content, transport="fcm", ttl=ttl).body(token.encode(), b"739.1.2.3.abc", UUID)
    assert data == compact(data_message(content, token, "739.1.2.3.abc", ttl))
    assert shown == compact(notification_message(content, token, "739.1.2.3.abc", ttl))


def test_data_message_has_all_seven_keys_and_no_notification() -> None:
    message = json.loads(render(Content("", ""), transport="fcm.data", ttl=60).body(b"t", b"m", UUID))["message"]
    assert message == {
        "token": "t",
        "data": {
            "px.fmt_ver": "1",
            "px.msg_id": "m",
            "px.title": "",
            "px.body": "",
            "px.image": "",
            "px.icon": "",
            "px.link": "",
        },
        "android": {"priority": "HIGH", "ttl": "60s"},
    }


def test_a_second_delivery_of_a_notification_replaces_the_first() -> None:
    message = json.loads(render(FULL, transport="fcm", ttl=60).body(b"t", b"m", UUID))["message"]
    assert message["android"]["notification"] == {"tag": DASHED}
    assert message["apns"]["headers"] == {"apns-collapse-id": DASHED}


@pytest.mark.parametrize(
    "image",
    [
        "",
        "/relative.png",
        "http://i.example/a.png",
        "https://",
        "https:///a.png",
        "https://i.example/a b.png",
        "https://i.example/a\n.png",
        "https://i.example/" + "a" * 2031,
    ],
)
def test_image_that_google_would_refuse_stays_in_the_data_only(image: str) -> None:
    content = Content("Hi", "There", image=image)
    message = json.loads(render(content, transport="fcm", ttl=60).body(b"t", b"m", UUID))["message"]
    assert message["data"]["px.image"] == image
    assert "image" not in message["notification"]
    assert "fcm_options" not in message["apns"]


def test_absolute_image_is_shown_on_both_systems() -> None:
    message = json.loads(render(FULL, transport="fcm", ttl=60).body(b"t", b"m", UUID))["message"]
    assert message["notification"]["image"] == FULL.image
    assert message["apns"]["fcm_options"] == {"image": FULL.image}


@pytest.mark.parametrize(("ttl", "written"), [(-5, "0s"), (0, "0s"), (86_400, "86400s"), (9_999_999, "2419200s")])
def test_time_to_live_stays_within_what_fcm_accepts(ttl: int, written: str) -> None:
    message = json.loads(render(FULL, transport="fcm.data", ttl=ttl).body(b"t", b"m", UUID))["message"]
    assert message["android"]["ttl"] == written


def test_the_recipients_field_can_be_renamed() -> None:
    message = json.loads(render(FULL, transport="fcm.data", ttl=1, target="fid").body(b"t", b"m", UUID))["message"]
    assert message["fid"] == "t"
    assert "token" not in message


def test_text_is_written_unescaped() -> None:
    body = render(Content("Привет 😀", "ä"), transport="fcm.data", ttl=1).body(b"t", b"m", UUID)
    assert "Привет 😀".encode() in body
    assert b"\\u" not in body
