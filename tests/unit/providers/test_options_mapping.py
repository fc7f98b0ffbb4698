"""What each provider is told of a push's options (providers.md §1.6)."""

import json
from dataclasses import astuple
from typing import Any

import msgspec
import pytest

from clarion.providers.apns import payload as apns
from clarion.providers.collapse import group_number, web_topic
from clarion.providers.contract import Content
from clarion.providers.fcm import payload as fcm
from clarion.providers.huawei import payload as huawei
from clarion.providers.onesignal import payload as onesignal
from clarion.providers.options import Options, merged
from clarion.providers.webpush import payload as webpush
from clarion.providers.webpush.message import label_of

UUID = b"0123456789abcdef0123456789abcdef"
DASHED = "01234567-89ab-cdef-0123-456789abcdef"
BUTTONS = [{"id": "yes", "title": "Yes", "link": "https://s.example/yes"}, {"id": "no", "title": "No"}]


def content(**options: Any) -> Content:
    return Content("Hi", "There", link="/start", options=msgspec.convert(options, Options))


def fcm_message(transport: str = "fcm", **options: Any) -> Any:
    body = fcm.render(content(**options), transport=transport, ttl=60).body(b"t", b"m", UUID)
    return json.loads(body)["message"]


def apns_message(**options: Any) -> Any:
    head, tail = apns.render(content(**options))
    return json.loads(head + b"m" + tail)


def webpush_message(**options: Any) -> Any:
    return json.loads(webpush.render(content(**options)).text(b"m"))


def onesignal_message(**options: Any) -> Any:
    return json.loads(onesignal.render(content(**options), app_id="a", ttl=60).body(["s"], UUID, b"m"))


def huawei_message(**options: Any) -> Any:
    return json.loads(huawei.render(content(**options), ttl=60).body(["s"], b"m"))["message"]


def at(document: Any, path: str) -> Any:
    """The value at a path of keys joined by slashes; None where there is none."""
    for key in path.split("/"):
        document = document.get(key, {}) if isinstance(document, dict) else {}
    return None if document == {} else document


ROWS: list[tuple[dict[str, Any], Any, str, Any]] = [
    ({}, fcm_message, "android/priority", "HIGH"),
    ({"priority": "normal"}, fcm_message, "android/priority", "NORMAL"),
    ({"priority": "normal"}, fcm_message, "apns/headers/apns-priority", "5"),
    ({"collapse_key": "k-1"}, fcm_message, "android/collapse_key", "k-1"),
    ({"collapse_key": "k"}, fcm_message, "android/notification/tag", "k"),
    ({"collapse_key": "k"}, fcm_message, "apns/headers/apns-collapse-id", "k"),
    ({"collapse_key": "k"}, fcm_message, "webpush/headers/Topic", "k"),
    ({"collapse_key": "k", "android": {"tag": "t"}}, fcm_message, "android/notification/tag", "t"),
    ({"android": {"tag": "t"}}, fcm_message, "apns/headers/apns-collapse-id", DASHED),
    ({"android": {"channel_id": "news"}}, fcm_message, "android/notification/channel_id", "news"),
    ({"android": {"sound": "ping"}}, fcm_message, "android/notification/sound", "ping"),
    ({"android": {"color": "#00ff00"}}, fcm_message, "android/notification/color", "#00ff00"),
    ({"ios": {"badge": 0}}, fcm_message, "apns/payload/aps/badge", 0),
    ({"ios": {"subtitle": "S"}}, fcm_message, "apns/payload/aps/alert/subtitle", "S"),
    ({"silent": True}, fcm_message, "notification", None),
    ({"silent": True}, fcm_message, "android", {"priority": "NORMAL", "ttl": "60s"}),
    ({"silent": True}, fcm_message, "apns/payload", {"aps": {"content-available": 1}}),
    (
        {"silent": True, "priority": "high"},
        fcm_message,
        "apns/headers",
        {"apns-push-type": "background", "apns-priority": "5"},
    ),
    ({"silent": True}, fcm_message, "data/px.silent", "1"),
    ({"actions": BUTTONS}, fcm_message, "data/px.actions", json.dumps(BUTTONS, separators=(",", ":"))),
    ({"web": {"require_interaction": True}}, fcm_message, "webpush/notification", {"requireInteraction": True}),
    ({"raw": {"fcm": {"fcm_options": {"analytics_label": "x"}}}}, fcm_message, "fcm_options/analytics_label", "x"),
    ({"raw": {"fcm": {"android": {"priority": "NORMAL"}}}}, fcm_message, "android/priority", "NORMAL"),
    ({"raw": {"fcm": {"android": {"notification": {"tag": None}}}}}, fcm_message, "android/notification", None),
    ({"ios": {"sound": "ping.caf"}}, apns_message, "aps/sound", "ping.caf"),
    ({"ios": {"sound": ""}}, apns_message, "aps/sound", None),
    ({"ios": {"badge": 3}}, apns_message, "aps/badge", 3),
    ({"ios": {"thread_id": "t"}}, apns_message, "aps/thread-id", "t"),
    ({"ios": {"category": "c"}}, apns_message, "aps/category", "c"),
    ({"ios": {"interruption_level": "time-sensitive"}}, apns_message, "aps/interruption-level", "time-sensitive"),
    ({"ios": {"relevance_score": 0.5}}, apns_message, "aps/relevance-score", 0.5),
    ({"ios": {"subtitle": "S"}}, apns_message, "aps/alert", {"title": "Hi", "body": "There", "subtitle": "S"}),
    ({"silent": True}, apns_message, "aps", {"content-available": 1}),
    ({"raw": {"apns": {"aps": {"sound": None, "badge": 9}}}}, apns_message, "aps/badge", 9),
    ({"actions": BUTTONS}, webpush_message, "actions", [BUTTONS[0], {"id": "no", "title": "No"}]),
    ({"actions": BUTTONS, "web": {"actions": BUTTONS[1:]}}, webpush_message, "actions", BUTTONS[1:]),
    ({"web": {"tag": "t", "renotify": True}}, webpush_message, "renotify", True),
    ({"silent": True}, webpush_message, "silent", True),
    ({"raw": {"webpush": {"vibrate": [100]}}}, webpush_message, "vibrate", [100]),
    ({"priority": "normal"}, onesignal_message, "priority", 5),
    ({"collapse_key": "k"}, onesignal_message, "collapse_id", "k"),
    ({"collapse_key": "k"}, onesignal_message, "web_push_topic", "k"),
    ({"android": {"channel_id": "news"}}, onesignal_message, "existing_android_channel_id", "news"),
    ({"android": {"channel_id": DASHED}}, onesignal_message, "android_channel_id", DASHED),
    ({"ios": {"badge": 2}}, onesignal_message, "ios_badgeCount", 2),
    ({"ios": {"interruption_level": "time-sensitive"}}, onesignal_message, "ios_interruption_level", "time_sensitive"),
    ({"actions": BUTTONS}, onesignal_message, "buttons", [{"id": "yes", "text": "Yes"}, {"id": "no", "text": "No"}]),
    ({"silent": True}, onesignal_message, "content_available", True),
    ({"silent": True}, onesignal_message, "contents", None),
    ({"silent": True, "collapse_key": "k"}, onesignal_message, "collapse_id", "k"),
    ({"raw": {"onesignal": {"small_icon": "i"}}}, onesignal_message, "small_icon", "i"),
    ({"priority": "normal"}, huawei_message, "android/urgency", "NORMAL"),
    ({"collapse_key": "7"}, huawei_message, "android/collapse_key", 7),
    ({"raw": {"huawei": {"android": {"category": "NEWS"}}}}, huawei_message, "android/category", "NEWS"),
]


@pytest.mark.parametrize(("options", "message", "path", "value"), ROWS)
def test_an_option_reaches_its_field(options: dict[str, Any], message: Any, path: str, value: Any) -> None:
    assert at(message(**options), path) == value


@pytest.mark.parametrize("message", [fcm_message, apns_message, webpush_message, onesignal_message, huawei_message])
def test_empty_options_change_nothing(message: Any) -> None:
    assert message(android={}, ios={}, web={}, links={}, raw={"fcm": {}, "apns": {}}) == message()


def test_an_app_that_draws_itself_gets_the_look_in_its_data() -> None:
    options = {"android": {"channel_id": "news", "sound": "ping", "color": "#00ff00"}, "collapse_key": "k"}
    drawn = {"px.channel_id": "news", "px.sound": "ping", "px.color": "#00ff00", "px.tag": "k"}
    assert drawn.items() <= fcm_message("fcm.data", **options)["data"].items()
    assert drawn.items() <= json.loads(huawei_message(**options)["data"]).items()
    assert "notification" not in fcm_message("fcm.data", **options)["android"]


def test_web_push_is_labelled_with_urgency_and_topic() -> None:
    def told(options: Options, ttl: int) -> tuple[object, ...]:
        return astuple(label_of(options, ttl=ttl))

    assert told(Options(), 5) == ("5", "high", b"")
    assert told(Options(priority="normal", collapse_key="k", ttl=1), 5) == ("5", "normal", b"k")
    assert told(Options(silent=True), 9_999_999) == ("2419200", "normal", b"")


@pytest.mark.parametrize("key", ["k", "a" * 32, "a" * 33, "a.b", "!" * 64])
def test_every_collapse_key_is_a_topic_and_a_group(key: str) -> None:
    topic = web_topic(key)
    assert 1 <= len(topic) <= 32
    assert topic.replace("-", "").replace("_", "").isalnum()
    assert 1 <= group_number(key) <= 100


def test_different_keys_have_different_topics() -> None:
    assert len({web_topic(f"news/{number}") for number in range(1000)}) == 1000


def test_an_object_never_gives_way_to_something_else() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": 3}
    assert merged(base, {"a": "x", "d": {"e": 4}}) == {"a": {"b": 1, "c": 2}, "d": {"e": 4}}
    assert merged(base, {"a": {"b": None, "c": [1]}, "d": None}) == {"a": {"c": [1]}}
    assert base == {"a": {"b": 1, "c": 2}, "d": 3}
