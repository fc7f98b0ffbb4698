"""firebase-admin's `send_each` in its largest batches, with a real service account of the stand-in."""

import asyncio
import os

import firebase_admin
from firebase_admin import credentials, messaging

from _peers import CONTENT, TTL, Result, Task, mark, measured, take_part, token

BATCH = 500
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


def application(task: Task) -> firebase_admin.App:
    """An app whose messages and token requests go to the stand-in: the library has no setting for either."""
    os.environ["REQUESTS_CA_BUNDLE"] = task["ca_file"]
    credentials._scopes = [SCOPE]  # noqa: SLF001
    messaging._MessagingService.FCM_URL = task["url"] + "/v1/projects/{0}/messages:send"  # noqa: SLF001
    app = firebase_admin.initialize_app(credentials.Certificate(task["account"]))
    # Its pool of 100 connections is mounted for Google's host only.
    session = messaging._get_messaging_service(app)._client.session  # noqa: SLF001
    session.mount(task["url"], session.get_adapter("https://fcm.googleapis.com"))
    return app


def message(number: int) -> messaging.Message:
    """The same content as Clarion's."""
    data = {
        "px.fmt_ver": "1",
        "px.msg_id": f"739000.1.1.{number:019d}.0123456789abcdef",
        "px.title": CONTENT.title,
        "px.body": CONTENT.text,
        "px.image": CONTENT.image,
        "px.icon": CONTENT.icon,
        "px.link": CONTENT.link,
    }
    return messaging.Message(data, token=token(number), android=messaging.AndroidConfig(priority="high", ttl=TTL))


async def peer(task: Task) -> Result:
    """Send in batches, one after the other."""
    app, count, begun = application(task), task["count"], mark()
    for first in range(0, count, BATCH):
        batch = [message(number) for number in range(first, min(first + BATCH, count))]
        answer = await asyncio.to_thread(messaging.send_each, batch, app=app)
        failures = [str(response.exception) for response in answer.responses if not response.success]
        assert not failures, failures[0]
    return measured("firebase-admin", count, f"send_each({BATCH})", begun)


if __name__ == "__main__":
    take_part(peer)
