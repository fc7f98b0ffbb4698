"""The data keys that apps read, the same on every transport but web push (payloads.md). Pure."""

import json

import msgspec

from clarion.providers.contract import Content


def px_keys(content: Content, msg_id: str) -> dict[str, str]:
    """The seven keys, always all of them, and Clarion's own where the push has something to say."""
    keys = {
        "px.fmt_ver": "1",
        "px.msg_id": msg_id,
        "px.title": content.title,
        "px.body": content.text,
        "px.image": content.image,
        "px.icon": content.icon,
        "px.link": content.link,
    }
    if content.options.actions:
        actions = msgspec.to_builtins(content.options.actions)
        keys["px.actions"] = json.dumps(actions, ensure_ascii=False, separators=(",", ":"))
    if content.options.silent:
        keys["px.silent"] = "1"
    return keys


def android_keys(content: Content) -> dict[str, str]:
    """What an app needs that draws the notification itself; only what is set."""
    android = content.options.android
    keys = {
        "px.channel_id": android.channel_id,
        "px.sound": android.sound,
        "px.color": android.color,
        "px.tag": android.tag or content.options.collapse_key,
    }
    return {name: value for name, value in keys.items() if value}
