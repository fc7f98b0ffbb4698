"""The device API and postbacks, described by hand: they are raw ASGI (sdk-api.md)."""

from typing import Any

from clarion.api.openapi.texts import ERRORS
from clarion.features.devices.model import TRANSPORTS

_APP_ID = {
    "name": "app_id",
    "in": "path",
    "required": True,
    "description": "`pushexpress_id` of the app, or the bare id of an existing app.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}(-[0-9]{1,18})?$"},
    "example": "501-1147",
}
_INSTANCE_ID = {
    "name": "instance_id",
    "in": "path",
    "required": True,
    "description": "The id that creation answered.",
    "schema": {"type": "string", "pattern": "^[1-9][0-9]{0,18}$"},
    "example": "2305843009213693951",
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any], example: Any = None) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": schema}
    if example is not None:
        media["example"] = example
    return {"application/json": media}


def _errors(*statuses: int) -> dict[str, Any]:
    return {str(status): {"description": ERRORS[status], "content": _json(_ref("Problem"))} for status in statuses}


def _success(status: int, text: str, schema: dict[str, Any], example: Any = None) -> dict[str, Any]:
    return {str(status): {"description": text, "content": _json(schema, example)}}


def _call(
    name: str, summary: str, description: str, *, body: dict[str, Any], answers: dict[str, Any], required: bool = True
) -> dict[str, Any]:
    return {
        "tags": ["device API"],
        "operationId": f"device_api_{name}",
        "summary": summary,
        "description": description,
        "requestBody": {"content": body, "required": required},
        "responses": {**answers, **_errors(400, 404, 408, 413, 415, 503)},
        "security": [],
    }


_IDENTIFIED = {"id": "2305843009213693951", "just_created": True}
_CREATE = _call(
    "create",
    "Register an instance",
    "Gets or creates the instance of (app, ic_token, ext_id) and activates it. Repeating is safe: the id stays the "
    "same. An operator's setting makes new instances answer 201.",
    body=_json(_ref("Session"), {"ic_token": "0d7cbf4a-6f0b-4d2a-9d3f-4f1f6d6f2b11", "ext_id": "user-1"}),
    answers={
        **_success(200, "The instance.", _ref("Instance"), _IDENTIFIED),
        **_success(201, "The instance, just created.", _ref("Instance"), _IDENTIFIED),
    },
)
_CREATE["responses"] |= _errors(429)
_INFO = _call(
    "info",
    "Tell what the device is",
    "A partial update: what is absent or null keeps its value.",
    body=_json(
        _ref("Info"),
        {"transport_type": "fcm", "transport_token": "fcm-token", "platform_type": "android", "lang": "pt-BR"},
    ),
    answers=_success(200, "Kept.", _ref("InfoKept"), {"id": "2305843009213693951", "update_interval_sec": 120}),
)
_DEACTIVATE = _call(
    "deactivate",
    "Log out",
    "The instance gets no messages until it is registered again. Repeating is fine.",
    body=_json(_ref("Session"), {"ic_token": "0d7cbf4a-6f0b-4d2a-9d3f-4f1f6d6f2b11"}),
    answers=_success(200, "Inactive.", _ref("Instance"), {"id": "2305843009213693951", "just_created": False}),
)
_NOTIFICATION = _call(
    "notification",
    "Report a message as delivered or clicked",
    "Counts once for each message and event; unknown message ids are accepted and dropped. A click is also a delivery.",
    body=_json(_ref("NotificationEvent"), {"msg_id": "739000.7.501.2305843009213693951.0f", "event": "clicked"}),
    answers=_success(202, "Accepted.", {"type": "null"}),
)
_LIFECYCLE = _call(
    "lifecycle",
    "Show that the device is alive",
    "Without a body it is a heartbeat.",
    body=_json(_ref("LifecycleEvent"), {"event": "onscreen"}),
    answers=_success(202, "Accepted.", {"type": "null"}),
    required=False,
)


def _postback(method: str) -> dict[str, Any]:
    return {
        "tags": ["postbacks"],
        "operationId": f"postbacks_{method}",
        "summary": "Record an event of a device",
        "description": "Counts on every active device that `id` names: an external id, else an installation token, "
        "else an instance id. Prefetches and HEAD never count.",
        "parameters": [
            _query("id", "The device's external id.", required=True, example="user-1"),
            _query(
                "status",
                "An event code, an underscore and the account id.",
                required=True,
                example="reg_1147",
                pattern="^.+_[0-9]{1,18}$",
            ),
            _query("txid", "A repeated transaction id is not counted again."),
            _query(
                "signature",
                "Hex HMAC-SHA256 of everything before `&signature=`, under the account's postback secret; the last "
                "parameter. Where the account requires it.",
            ),
        ],
        "responses": {
            **_success(200, "Counted.", _ref("PostbackCounted"), {"status": "ok"}),
            **_errors(400, 403, 404, 503),
        },
        "security": [],
    }


def _query(
    name: str, description: str, *, required: bool = False, example: str | None = None, pattern: str | None = None
) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 256}
    parameter: dict[str, Any] = {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": schema | ({"pattern": pattern} if pattern else {}),
    }
    return parameter | ({"example": example} if example else {})


_INSTANCES = "/api/r/v2/apps/{app_id}/instances"


def _of_app(method: str, operation: dict[str, Any]) -> dict[str, Any]:
    return {method: operation | {"parameters": [_APP_ID]}}


def _of_instance(method: str, operation: dict[str, Any]) -> dict[str, Any]:
    return {method: operation | {"parameters": [_APP_ID, _INSTANCE_ID]}}


DEVICE_PATHS: dict[str, Any] = {
    _INSTANCES: _of_app("post", _CREATE),
    f"{_INSTANCES}/{{instance_id}}/info": _of_instance("put", _INFO),
    f"{_INSTANCES}/{{instance_id}}/deactivate": _of_instance("post", _DEACTIVATE),
    f"{_INSTANCES}/{{instance_id}}/events/notification": _of_instance("post", _NOTIFICATION),
    f"{_INSTANCES}/{{instance_id}}/events/lifecycle": _of_instance("post", _LIFECYCLE),
    "/api/postback/": {"get": _postback("get"), "post": _postback("post")},
}
"""Path → path item."""


def _object(description: str, required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "description": description, "required": required, "properties": properties}


def _text(limit: int, description: str = "") -> dict[str, Any]:
    return {"type": ["string", "null"], "maxLength": limit} | ({"description": description} if description else {})


_COUNT = {"type": ["integer", "null"]}

DEVICE_SCHEMAS: dict[str, Any] = {
    "Session": _object(
        "What makes an instance the same instance.",
        ["ic_token"],
        ic_token={
            "type": "string",
            "minLength": 1,
            "maxLength": 256,
            "description": "Made once on the device, e.g. a UUID; kept until the app is removed.",
        },
        ext_id=_text(256, "The owner's user id; absent, null and empty are equal."),
    ),
    "Instance": _object(
        "An instance.",
        ["id", "just_created"],
        id={"type": "string", "description": "A decimal number as text."},
        just_created={"type": "boolean"},
    ),
    "Info": _object(
        "What a device tells about itself.",
        ["transport_type", "platform_type"],
        transport_type={"type": "string", "enum": sorted(TRANSPORTS)},
        transport_token=_text(4096, "Empty while there is none; for `webpush` the subscription as JSON text."),
        platform_type={"type": "string", "minLength": 1, "maxLength": 64},
        platform_name=_text(4096),
        agent_name=_text(4096),
        country=_text(256, "ISO 3166-1 alpha-2 in any case; anything else counts as not told."),
        lang=_text(256, "A BCP 47 tag; anything else counts as not told."),
        tz_sec={**_COUNT, "description": "Offset from UTC in seconds."},
        tz_name=_text(256, "An IANA zone."),
        tags={
            "type": ["object", "null"],
            "maxProperties": 64,
            "additionalProperties": {"type": "string", "maxLength": 256},
            "propertyNames": {"maxLength": 64},
            "description": "Replace the present ones. `audiences` is split at commas.",
        },
        ext_id=_text(256, "A new external id; empty keeps the present one."),
        onscreen_count=_COUNT,
        onscreen_sec=_COUNT,
        onscreen_start_ts=_COUNT,
        onscreen_stop_ts=_COUNT,
        notif_perm_granted={"type": ["boolean", "null"]},
    ),
    "InfoKept": _object(
        "The answer to info.",
        ["id", "update_interval_sec"],
        id={"type": "string"},
        update_interval_sec={"type": "integer", "description": "When to tell again."},
    ),
    "NotificationEvent": _object(
        "What happened to a message.",
        ["msg_id", "event"],
        msg_id={"type": "string", "minLength": 1},
        event={"type": "string", "enum": ["delivered", "clicked", "delivery", "click"]},
    ),
    "LifecycleEvent": _object(
        "What the app did.",
        ["event"],
        event={"type": "string", "enum": ["onscreen", "background", "closed", "hbeat"]},
    ),
    "PostbackCounted": _object("The event was recorded.", ["status"], status={"const": "ok", "type": "string"}),
    "Problem": _object(
        "What every failed call of the device API answers.",
        ["type", "title", "status", "detail", "instance", "error", "req_id"],
        type={"type": "string"},
        title={"type": "string"},
        status={"type": "integer"},
        detail={"type": "string"},
        instance={"type": "string"},
        error={"type": "string"},
        req_id={"type": "string"},
    ),
}
"""Shapes that only the device side uses."""
