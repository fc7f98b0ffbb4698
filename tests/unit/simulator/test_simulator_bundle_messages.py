"""What the simulated Huawei and OneSignal accept as a message and what they refuse, rule by rule."""

import json
from uuid import uuid4

import pytest

from clarion.simulator.huawei import message as huawei
from clarion.simulator.onesignal import message as onesignal


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"android": {"collapse_key": 101}}, "80100001"),
        ({"android": {"ttl": "1296001s"}}, "80100001"),
        ({"android": {"urgency": "LOW"}}, "80100003"),
        ({"android": {"notification": {"title": "Hi"}}}, "80100003"),
        ({"notification": {"title": "Hi"}}, "80100003"),
        ({"notification": {"title": "Hi"}, "android": {"notification": {"click_action": {"type": 3}}}}, ""),
        ({"data": {"px.msg_id": "1"}}, "80100003"),
        ({"data": "x" * 4096}, "80300008"),
        ({"validity": 1}, "80100001"),
        ({"token": ["t"] * 1001}, "80300010"),
    ],
)
def test_the_simulator_refuses_what_huawei_refuses(fields: dict[str, object], code: str) -> None:
    message = {"data": "{}", "token": ["t"], **fields}
    assert huawei.parse(json.dumps({"message": message}).encode()).fault == code


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"contents": {"pt": "Oi"}}, "English"),
        ({"contents": None}, "English"),
        ({"contents": None, "content_available": True}, ""),
        ({"include_aliases": {}}, "You must include"),
        ({"include_subscription_ids": ["token"]}, "not a valid UUID"),
        ({"idempotency_key": "1"}, "must be a UUID"),
        ({"url": "/relative"}, "url"),
        ({"data": {"key": "x" * 2048}}, "at most 2048 bytes"),
        ({"ttl": -1}, "ttl"),
        ({"priority": 7}, "priority"),
    ],
)
def test_the_simulator_refuses_what_onesignal_refuses(fields: dict[str, object], words: str) -> None:
    notification = {"app_id": str(uuid4()), "contents": {"en": "Hi"}, "include_subscription_ids": [str(uuid4())]}
    fault = onesignal.parse(json.dumps(notification | fields).encode()).fault
    assert words in fault
    assert bool(words) == bool(fault)
