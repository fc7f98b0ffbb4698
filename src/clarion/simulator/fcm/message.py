"""What FCM accepts as a message (Google, *REST resource: projects.messages*)."""

import re
from typing import NamedTuple

import msgspec

from clarion.simulator.fcm import answers, shapes
from clarion.simulator.fcm.shapes import Unfit, boolean, integer, list_of, matching, one_of, record, text, text_map
from clarion.simulator.model import Reply

TOKEN = re.compile(r"[A-Za-z0-9_:.=%-]{1,4096}")
PAYLOAD_LIMIT = 4096
TOPIC_LIMIT = 2048
TARGETS = ("token", "fid", "topic", "condition")
DATA = text_map(re.compile(r"from$|message_type$|google|gcm", re.ASCII))
TTL = shapes.duration(2_419_200)
HTTPS_LINK = matching(r"https://.+", "the link must be an HTTPS URL")
FCM_LABEL = matching(r"[a-zA-Z0-9\-_.~%]{1,50}", "the analytics label must match ^[a-zA-Z0-9-_.~%]{1,50}$")

COLOUR = record(red=shapes.fraction, green=shapes.fraction, blue=shapes.fraction, alpha=shapes.fraction)
LIGHT = record(color=COLOUR, light_on_duration=TTL, light_off_duration=TTL)
ANDROID_NOTIFICATION = record(
    title=text,
    body=text,
    icon=text,
    color=matching(r"#[0-9A-Fa-f]{6}", "the colour must be #RRGGBB"),
    sound=text,
    tag=text,
    click_action=text,
    title_loc_key=text,
    title_loc_args=list_of(text),
    body_loc_key=text,
    body_loc_args=list_of(text),
    channel_id=text,
    image=text,
    ticker=text,
    sticky=boolean,
    event_time=matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", "a timestamp in RFC 3339 UTC is needed"),
    local_only=boolean,
    notification_priority=one_of(
        "PRIORITY_UNSPECIFIED", "PRIORITY_MIN", "PRIORITY_LOW", "PRIORITY_DEFAULT", "PRIORITY_HIGH", "PRIORITY_MAX"
    ),
    default_sound=boolean,
    default_vibrate_timings=boolean,
    default_light_settings=boolean,
    vibrate_timings=list_of(TTL),
    visibility=one_of("VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"),
    notification_count=integer,
    light_settings=LIGHT,
    proxy=one_of("PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"),
    bypass_proxy_notification=boolean,
)
ANDROID = record(
    collapse_key=text,
    priority=one_of("HIGH", "NORMAL", "high", "normal"),
    ttl=TTL,
    restricted_package_name=text,
    data=DATA,
    notification=ANDROID_NOTIFICATION,
    fcm_options=record(analytics_label=FCM_LABEL),
    direct_boot_ok=boolean,
    bandwidth_constrained_ok=boolean,
    restricted_satellite_ok=boolean,
)
APNS = record(
    headers=text_map(),
    payload=shapes.anything,
    fcm_options=record(analytics_label=FCM_LABEL, image=text),
    live_activity_token=text,
)
WEBPUSH = record(
    headers=text_map(),
    data=text_map(),
    notification=shapes.anything,
    fcm_options=record(link=HTTPS_LINK, analytics_label=FCM_LABEL),
)
REQUEST = record(
    message=record(
        name=text,
        data=DATA,
        notification=record(title=text, body=text, image=text),
        android=ANDROID,
        apns=APNS,
        webpush=WEBPUSH,
        fcm_options=record(analytics_label=FCM_LABEL),
        token=text,
        fid=text,
        topic=text,
        condition=text,
    ),
    validate_only=boolean,
)


class Parsed(NamedTuple):
    """What the simulator keeps of a request, and the refusal if there is one."""

    token: str = ""
    message_id: str = ""
    validate_only: bool = False
    refusal: Reply | None = None


def parse(body: bytes) -> Parsed:
    """Check a request body by every rule of the reference."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Parsed(refusal=answers.error(400, "Invalid JSON payload received. Unexpected token."))
    message = content.get("message") if type(content) is dict else None
    if type(message) is not dict:
        message = {}
    token, message_id = identity(message)
    return Parsed(token, message_id, _wants_validation(content), _refusal(content, message, len(body)))


def identity(message: dict[str, object]) -> tuple[str, str]:
    """Token (or other target) and Clarion's message id, as far as they can be told."""
    target = next((message[name] for name in TARGETS if type(message.get(name)) is str), "")
    data = message.get("data")
    message_id = data.get("px.msg_id", "") if type(data) is dict else ""
    return str(target), message_id if type(message_id) is str else ""


def _wants_validation(content: object) -> bool:
    return type(content) is dict and (content.get("validate_only") or content.get("validateOnly")) is True


def _refusal(content: object, message: dict[str, object], size: int) -> Reply | None:
    try:
        REQUEST(content, "")
        _check_target(message)
    except Unfit as unfit:
        return answers.invalid_field(unfit.violation)
    token = message.get("token")
    if token is not None and not TOKEN.fullmatch(str(token)):
        return answers.invalid_token()
    limit = TOPIC_LIMIT if "topic" in message or "condition" in message else PAYLOAD_LIMIT
    # Escapes only lengthen JSON, so a body within the limit holds a payload within it.
    if size > limit and payload_size(message) > limit:
        return answers.too_large()
    return None


def _check_target(message: dict[str, object]) -> None:
    targets = [name for name in TARGETS if message.get(name) not in (None, "")]
    if len(targets) != 1:
        raise Unfit("message", "Exactly one of token, fid, topic or condition is required.")


def payload_size(message: dict[str, object]) -> int:
    """Bytes of UTF-8 in keys and values of `notification` and `data`."""
    total = 0
    for part in ("notification", "data"):
        fields = message.get(part)
        if type(fields) is dict:
            total += sum(len(key.encode()) + len(str(value).encode()) for key, value in fields.items())
    return total
