"""What the simulated FCM accepts as a message and what it refuses (providers.md §2.3), rule by rule."""

import json

import msgspec
import pytest

from clarion.simulator.fcm.message import parse, payload_size


def violation(message: object, **beside: object) -> str | None:
    """The field that is refused; `None` if the message is accepted."""
    refusal = parse(msgspec.json.encode({"message": message} | beside)).refusal
    if refusal is None:
        return None
    assert refusal.status == 400
    return str(json.loads(refusal.body)["error"]["details"][-1]["fieldViolations"][0]["field"])


ACCEPTED = [
    {"data": {"px.msg_id": "1"}},
    {"notification": {"title": "t", "body": "b", "image": "https://example.org/i.png"}},
    {"android": {"priority": "HIGH", "ttl": "86400s"}},
    {"android": {"priority": "normal", "ttl": "0s", "collapse_key": "k", "direct_boot_ok": True}},
    {"android": {"ttl": "2419200s", "restrictedPackageName": "org.example"}},
    {"android": {"ttl": "3.5s", "notification": {"color": "#00ffAA", "vibrate_timings": ["3.5s"]}}},
    {"android": {"notification": {"event_time": "2026-01-02T03:04:05Z", "notification_count": 3, "sticky": False}}},
    {"android": {"notification": {"light_settings": {"color": {"red": 1, "alpha": 0.5}, "light_on_duration": "1s"}}}},
    {"apns": {"headers": {"apns-priority": "10"}, "payload": {"aps": {"badge": 1}}, "fcm_options": {"image": "x"}}},
    {"webpush": {"headers": {"TTL": "1"}, "notification": {"x": 1}, "fcm_options": {"link": "https://a.example/"}}},
    {"fcm_options": {"analytics_label": "a-b.c~d%"}},
    {"notification": None},
]


@pytest.mark.parametrize("fields", ACCEPTED, ids=str)
def test_what_the_reference_allows_is_accepted(fields: dict[str, object]) -> None:
    assert violation({"token": "token-1"} | fields) is None


REFUSED = [
    ({"data": {"n": 1}}, "message.data[0].value"),
    ({"data": {"a": "1", "n": None}}, "message.data[1].value"),
    ({"data": ["a"]}, "message.data"),
    ({"data": {"from": "x"}}, "message.data"),
    ({"data": {"message_type": "x"}}, "message.data"),
    ({"data": {"google.x": "x"}}, "message.data"),
    ({"data": {"gcm": "x"}}, "message.data"),
    ({"android": {"data": {"gcm.x": "x"}}}, "message.android.data"),
    ({"surprise": 1}, "message"),
    ({"android": {"surprise": 1}}, "message.android"),
    ({"android": {"notification": {"surprise": 1}}}, "message.android.notification"),
    ({"android": "x"}, "message.android"),
    ({"android": {"priority": "URGENT"}}, "message.android.priority"),
    ({"android": {"priority": 5}}, "message.android.priority"),
    ({"android": {"ttl": 86400}}, "message.android.ttl"),
    ({"android": {"ttl": "86400"}}, "message.android.ttl"),
    ({"android": {"ttl": "-1s"}}, "message.android.ttl"),
    ({"android": {"ttl": "2419201s"}}, "message.android.ttl"),
    ({"android": {"direct_boot_ok": "yes"}}, "message.android.direct_boot_ok"),
    ({"android": {"notification": {"color": "red"}}}, "message.android.notification.color"),
    ({"android": {"notification": {"event_time": "now"}}}, "message.android.notification.event_time"),
    ({"android": {"notification": {"notification_count": 1.5}}}, "message.android.notification.notification_count"),
    ({"android": {"notification": {"notification_count": 1 << 31}}}, "message.android.notification.notification_count"),
    ({"android": {"notification": {"visibility": "HIDDEN"}}}, "message.android.notification.visibility"),
    ({"android": {"notification": {"title_loc_args": [1]}}}, "message.android.notification.title_loc_args[0]"),
    (
        {"android": {"notification": {"light_settings": {"color": {"red": 2}}}}},
        "message.android.notification.light_settings.color.red",
    ),
    ({"apns": {"headers": {"apns-priority": 10}}}, "message.apns.headers[0].value"),
    ({"apns": {"payload": "x"}}, "message.apns.payload"),
    ({"webpush": {"fcm_options": {"link": "http://a.example/"}}}, "message.webpush.fcm_options.link"),
    ({"fcm_options": {"analytics_label": "a b"}}, "message.fcm_options.analytics_label"),
    ({"fcm_options": {"analytics_label": "a" * 51}}, "message.fcm_options.analytics_label"),
    ({"topic": "news"}, "message"),
    ({"token": ""}, "message"),
    ({"token": 7}, "message.token"),
    ({"token": "a b"}, "message.token"),
    ({"token": "a" * 4097}, "message.token"),
    ({"token": "tökén"}, "message.token"),
]


@pytest.mark.parametrize(("fields", "field"), REFUSED, ids=str)
def test_what_the_reference_forbids_is_refused_by_field(fields: dict[str, object], field: str) -> None:
    assert violation({"token": "token-1"} | fields) == field


def test_a_message_needs_a_target() -> None:
    assert violation({"data": {"a": "b"}}) == "message"


def test_unknown_fields_beside_the_message_are_refused() -> None:
    assert violation({"token": "t"}, surprise=1) == ""


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"7", b"[]", b'{"message":[]}', b'"text"', b"null"])
def test_bodies_that_hold_no_message_are_refused(body: bytes) -> None:
    refusal = parse(body).refusal
    assert refusal is not None
    assert refusal.status == 400


def test_sizes_are_counted_in_utf8_bytes_of_keys_and_values_only() -> None:
    message = {"token": "t" * 4000, "data": {"ключ": "я"}, "notification": {"title": "🙂"}, "android": {"ttl": "1s"}}
    assert payload_size(message) == 8 + 2 + 5 + 4


def test_escapes_do_not_count_against_the_limit() -> None:
    text = json.dumps({"message": {"token": "t", "data": {"k": "я" * 2000}}}, ensure_ascii=True)
    assert len(text) > 8192
    assert parse(text.encode()).refusal is None


def test_a_topic_has_half_the_room() -> None:
    assert parse(msgspec.json.encode({"message": {"topic": "n", "data": {"k": "x" * 2048}}})).refusal is not None
    assert parse(msgspec.json.encode({"message": {"topic": "n", "data": {"k": "x" * 2047}}})).refusal is None


def test_token_and_message_id_are_known_even_of_refused_messages() -> None:
    parsed = parse(b'{"message":{"token":"t","data":{"px.msg_id":"m","n":1}}}')
    assert (parsed.token, parsed.message_id) == ("t", "m")
    assert parsed.refusal is not None
