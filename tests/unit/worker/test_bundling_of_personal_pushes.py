"""Personal words and bundles: who shares a request, and what a repetition says."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from clarion.features.deliveries.bundles import SavedBundle
from clarion.features.deliveries.model import Attempt, Job, Recipient
from clarion.features.pushes import PushContent
from clarion.features.pushes.content import Words, personal
from clarion.foundation.ids import MessageIds
from clarion.providers.bundles import BundleSender, Bundling
from clarion.providers.contract import Content
from clarion.providers.onesignal.payload import render
from clarion.providers.onesignal.sender import OnesignalPrepared
from clarion.providers.options import Links, Options
from clarion.providers.personal import opened
from clarion.providers.transport import Head
from clarion.worker.bundles import Bundler
from clarion.worker.content import dimensions
from clarion.worker.wording import EXPIRED, family

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FACTS = {"ext_id": "", "country": "PT", "lang": "en"}


@dataclass
class SomeJob:
    """A send that started at noon."""

    account_id = 1
    app_id = 2
    send_id = 3
    day = NOW.date()
    provider = "onesignal"
    cutoff_at = NOW
    expires_at = NOW + timedelta(days=1)


class StandInSender:
    """Renders as OneSignal's sender does."""

    bundling = Bundling(2000, whole=True)

    def prepare(self, content: Content, *, transport: str, ttl: int) -> OnesignalPrepared:
        del transport
        template, gaps = opened(render(content, app_id="a", ttl=ttl), content.placeholders)
        return OnesignalPrepared(template, Head("/", ()), gaps)


def bundler() -> Bundler:
    return Bundler(cast("BundleSender", StandInSender()), MessageIds(b"k"))


def push(title: str, **options: Any) -> PushContent:
    content = personal(Words("en", Content(title, "Body", link="/all", options=Options(**options))))
    return PushContent(1, "en", active=True, translations={"en": content}, ttl=content.options.ttl)


def recipient(number: int, name: str | None = None, platform: str = "android") -> Recipient:
    facts = None if name is None else {"tags": {"name": name}, **FACTS}
    token = f"00000000-0000-4000-8000-{number:012}"
    return Recipient(number, token, "onesignal", "PT", "en", platform, b"h", facts)


def sent(recipients: Sequence[Recipient], content: PushContent, now: datetime = NOW) -> list[dict[str, Any]]:
    requests, _ = bundler().render(cast("Job", SomeJob()), recipients, lambda _: content, now)
    return [json.loads(request.body) for request in requests]


def test_devices_share_a_request_only_where_their_words_are_the_same() -> None:
    people = [recipient(1, "Ann"), recipient(2, "Bob"), recipient(3, "Ann")]
    bodies = sent(people, push("Hi {{ tags.name }}"))
    assert [body["headings"]["en"] for body in bodies] == ["Hi Ann", "Hi Bob", "Hi Ann"]
    assert [len(body["include_subscription_ids"]) for body in bodies] == [1, 1, 1]
    (shared,) = sent(people, push("Hi all"))
    assert len(shared["include_subscription_ids"]) == 3


def test_devices_of_each_kind_share_a_request_where_their_links_differ() -> None:
    people = [recipient(1), recipient(2, platform="ios"), recipient(3)]
    bodies = sent(people, push("Hi", links=Links(ios="app://ios")))
    assert {body["data"]["px.link"]: len(body["include_subscription_ids"]) for body in bodies} == {
        "/all": 2,
        "app://ios": 1,
    }


def test_a_repetition_says_the_words_of_its_device() -> None:
    job = cast("Job", SomeJob())
    common = dimensions(job, 1, "en", "PT", "android")
    attempt = Attempt(job, common, 1, b"h", NOW)
    saved = SavedBundle(UUID(int=7), NOW.date(), 2, 3, 1, "onesignal", 1, "en", "onesignal", [1], ["t"])
    one = bundler()
    one.set_moment(job, NOW)
    request = one.repeat(saved, [attempt], push("Hi {{ tags.name }}"), {"tags": {"name": "Ann"}, **FACTS})
    body = json.loads(request.body)
    assert (body["headings"]["en"], body["idempotency_key"]) == ("Hi Ann", str(UUID(int=7)))


def test_what_is_too_late_is_refused_before_it_is_bundled() -> None:
    one, late = bundler(), push("Hi", ttl=60)
    requests, refused = one.render(cast("Job", SomeJob()), [recipient(1)], lambda _: late, NOW + timedelta(minutes=1))
    assert requests == []
    assert [verdict for _, verdict in refused] == [EXPIRED]


def test_the_family_of_a_device_is_its_platforms_else_its_transports() -> None:
    assert [family(platform, "fcm") for platform in ("android", "iOS", "macOS", "browser", "unknown", "linux")] == [
        "android",
        "ios",
        "ios",
        "web",
        "",
        "",
    ]
    assert [family("", transport) for transport in ("apns:sandbox", "webpush", "huawei", "fcm.data", "onesignal")] == [
        "ios",
        "web",
        "android",
        "android",
        "",
    ]
